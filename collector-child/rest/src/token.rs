//! Tokens that are got for a name and a secret, and end.

use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use http_client::{BoxFuture, CallError, CallPlace, Class};
use serde_json::{Map, Value};
use tables::plan::Place;
use zeroize::Zeroizing;

use crate::auth::{Auth, insert};
use crate::rest::{Asked, Rest};

/// A token is renewed so long before it ends.
const BEFORE_THE_END: Duration = Duration::from_mins(2);
/// A token that does not say how long it holds.
const HOLDS: Duration = Duration::from_mins(10);

/// Gets a token by a call that has credentials of its own (client credentials), keeps it while it holds, and gets another
/// one when the service does not accept it any more.
pub struct Tokens {
    /// Makes the call.
    rest: Rest,
    service: &'static str,
    operation: &'static str,
    params: Map<String, Value>,
    place: Place,
    /// Where in the answer the token is.
    member: &'static str,
    known: Mutex<Option<Token>>,
    /// One call at a time.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Token {
    text: Zeroizing<String>,
    until: Instant,
}

impl Tokens {
    /// Tokens that this call answers with, as `access_token` and `expires_in`.
    pub fn new(
        rest: Rest,
        (service, operation): (&'static str, &'static str),
        params: Map<String, Value>,
        place: Place,
    ) -> Self {
        let (known, turn) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { rest, service, operation, params, place, member: "access_token", known, turn }
    }

    /// The same for a service that calls the token so.
    #[must_use]
    pub fn called(self, member: &'static str) -> Self {
        Self { member, ..self }
    }

    fn known(&self) -> Option<Token> {
        let known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.clone().filter(|token| Instant::now() < token.until)
    }

    fn keep(&self, token: Option<Token>) {
        *self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = token;
    }

    async fn token(&self, place: CallPlace<'_>) -> Result<Token, CallError> {
        if let Some(token) = self.known() {
            return Ok(token);
        }
        let _turn = self.turn.lock().await;
        if let Some(token) = self.known() {
            return Ok(token);
        }
        let asked = Asked {
            service: self.service,
            operation: self.operation,
            paging: None,
            list: None,
            place: &self.place,
        };
        let answer = self.rest.call(asked, &self.params).await?;
        let Some(text) = answer[self.member].as_str() else {
            return Err(CallError::new(Class::Garbage, place, "the answer has no token"));
        };
        let holds = answer["expires_in"].as_u64().map_or(HOLDS, Duration::from_secs);
        // Short ones are used for half of their life.
        let until = Instant::now() + holds.saturating_sub(BEFORE_THE_END).max(holds / 2);
        let token = Token { text: Zeroizing::new(text.to_owned()), until };
        self.keep(Some(token.clone()));
        Ok(token)
    }
}

impl Auth for Tokens {
    fn apply<'a>(
        &'a self,
        request: &'a mut Request<Full<Bytes>>,
        _body: &'a [u8],
        place: CallPlace<'a>,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async move {
            let token = self.token(place).await?;
            let text = Zeroizing::new(format!("Bearer {}", *token.text));
            insert(request.headers_mut(), &text, place)
        })
    }

    fn refused(&self) -> BoxFuture<'_, bool> {
        // Of several calls that are refused at once each asks for another token, also while one is being got: which of
        // them the service has refused is not known. A call asks once.
        Box::pin(async {
            self.keep(None);
            true
        })
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens([redacted])")
    }
}
