//! Tokens of one account that another process has got: what it hands over, and how they are used here.
//!
//! The account is named in every call that is made with such a token, so one that is of another account is refused there.
//! That it is not used at all if it was made for another account is asked before: what is handed over says for which it is.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use collector::{Credentials, Failure, FaultExt, fault};
use http_client::{CallError, CallPlace, Class, CredentialsTrouble};
use ipc_proto::fault::FaultKind;
use ipc_proto::seal::Seal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

/// A token, and when it ends; `None`: it does not say so.
#[derive(Clone)]
pub struct GotToken {
    /// The token.
    pub text: Zeroizing<String>,
    /// Its end.
    pub ends: Option<SystemTime>,
}

impl fmt::Debug for GotToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GotToken").field("ends", &self.ends).finish_non_exhaustive()
    }
}

/// What a process gets that has tokens of one account and no other credentials.
#[derive(Serialize, Deserialize)]
struct Travelling {
    /// The account that they were got for.
    account: String,
    /// What is known of the credentials that they were got with, and no secret.
    about: Value,
    tokens: BTreeMap<String, TravellingToken>,
}

#[derive(Serialize, Deserialize)]
struct TravellingToken {
    text: String,
    /// Seconds since 1970.
    ends: Option<u64>,
}

impl Drop for TravellingToken {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

/// Hands tokens over, each under the name of its scope. `about` is what the other process has to know of the credentials;
/// `shared` says why they reach more than the account, if they do ([`Seal::shared`]).
///
/// # Errors
///
/// `about` cannot be written as JSON.
pub fn hand_over(
    account: &str,
    about: &impl Serialize,
    tokens: impl IntoIterator<Item = (&'static str, GotToken)>,
    now: SystemTime,
    shared: Option<String>,
) -> Result<Seal, Failure> {
    let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut first = None;
    let tokens = tokens.into_iter().map(|(scope, token)| {
        first = [first, token.ends].into_iter().flatten().min();
        let (text, ends) = ((*token.text).clone(), token.ends.map(seconds));
        (scope.to_owned(), TravellingToken { text, ends })
    });
    let tokens = tokens.collect();
    let broken = |error: serde_json::Error| Failure::from(fault(FaultKind::Internal, error.to_string()));
    let about = serde_json::to_value(about).map_err(broken)?;
    let travelling = Travelling { account: account.to_owned(), about, tokens };
    let bytes = serde_json::to_vec(&travelling).map_err(broken)?;
    let remaining = first.map(|ends| ends.duration_since(now).unwrap_or_default());
    Ok(Seal { bytes: bytes.into(), remaining, shared })
}

/// Tokens that another process has got for this account, and gets anew.
pub struct Handed {
    credentials: Credentials,
    account: String,
    /// What was taken last, by scope: if it is asked for again, that one is of no use any more.
    taken: Mutex<BTreeMap<&'static str, Zeroizing<String>>>,
}

impl fmt::Debug for Handed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handed").field("account", &self.account).finish_non_exhaustive()
    }
}

impl Handed {
    /// Those of a job for `account`.
    pub fn new(credentials: Credentials, account: &str) -> Self {
        Self { credentials, account: account.to_owned(), taken: Mutex::default() }
    }

    /// What was said of the credentials.
    ///
    /// # Errors
    ///
    /// Nothing of this form was handed over, or it is for another account.
    pub fn about<T: for<'de> Deserialize<'de>>(&self) -> Result<T, Failure> {
        let told = |why: String| Failure::from(fault(FaultKind::Internal, why).with_hint(HINT));
        let travelling = self.read(self.credentials.bytes().expose()).map_err(told)?;
        serde_json::from_value(travelling.about)
            .map_err(|error| told(format!("what was handed over says nothing of the credentials: {error}")))
    }

    /// A token for a scope: at first the one that came with the job, then new ones.
    ///
    /// # Errors
    ///
    /// No new one can be had, there is none for the scope, or it is for another account.
    pub async fn token(&self, scope: &'static str, place: CallPlace<'_>) -> Result<GotToken, CallError> {
        let trouble = |why: String| {
            CallError::new(Class::Credentials(CredentialsTrouble::NotRenewed), place, why).advising(HINT)
        };
        let mut token = self.of(self.credentials.bytes().expose(), scope).map_err(trouble)?;
        if self.was_taken(scope, &token) {
            tracing::debug!("asking for new tokens");
            let renewed = self.credentials.renew().await.map_err(|fault| trouble(fault.message))?;
            token = self.of(renewed.expose(), scope).map_err(trouble)?;
        }
        lock(&self.taken).insert(scope, token.text.clone());
        Ok(token)
    }

    fn was_taken(&self, scope: &str, token: &GotToken) -> bool {
        lock(&self.taken).get(scope).is_some_and(|taken| *taken == token.text)
    }

    fn of(&self, bytes: &[u8], scope: &str) -> Result<GotToken, String> {
        let mut travelling = self.read(bytes)?;
        let token = travelling.tokens.remove(scope);
        let mut token = token.ok_or_else(|| format!("no token for {scope} was handed over"))?;
        let ends = token.ends.and_then(|ends| UNIX_EPOCH.checked_add(Duration::from_secs(ends)));
        Ok(GotToken { text: Zeroizing::new(std::mem::take(&mut token.text)), ends })
    }

    fn read(&self, bytes: &[u8]) -> Result<Travelling, String> {
        // The message of serde may quote values.
        let travelling = serde_json::from_slice::<Travelling>(bytes);
        let travelling = travelling.map_err(|_| "what was handed over holds no tokens".to_owned())?;
        if travelling.account != self.account {
            let Travelling { account, .. } = &travelling;
            return Err(format!(
                "tokens for the account {account} were handed over, not for {}",
                self.account
            ));
        }
        Ok(travelling)
    }
}

const HINT: &str =
    "the process that gets the tokens of the accounts is at fault: look into the log of the worker";

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use collector::BoxFuture;
    use collector::credentials::Keeper;
    use ipc_proto::fault::Fault;
    use ipc_proto::secret::Secret;
    use serde_json::json;

    use super::*;

    const PLACE: CallPlace<'static> = CallPlace {
        account: "one",
        region: "",
        service: "arm",
        operation: "list",
        advisor: http_client::Advisor(|_| None),
    };

    /// Gives `first`, and from the first renewal on `then`.
    struct Given {
        now: Mutex<Vec<u8>>,
        then: Vec<u8>,
    }

    impl Keeper for Given {
        fn bytes(&self) -> Secret<Vec<u8>> {
            lock(&self.now).clone().into()
        }

        fn renew(&self) -> BoxFuture<'_, Result<Secret<Vec<u8>>, Fault>> {
            lock(&self.now).clone_from(&self.then);
            Box::pin(async { Ok(self.bytes()) })
        }
    }

    fn seal(account: &str, tokens: &[(&'static str, &str, Option<u64>)]) -> Seal {
        let tokens = tokens.iter().map(|(scope, text, ends)| {
            let ends = ends.map(|ends| UNIX_EPOCH + Duration::from_secs(ends));
            (*scope, GotToken { text: Zeroizing::new((*text).to_owned()), ends })
        });
        hand_over(account, &json!({"who": "app"}), tokens, UNIX_EPOCH, None).unwrap()
    }

    fn handed(first: Seal, then: Seal) -> Handed {
        let bytes = |seal: Seal| seal.bytes.expose().clone();
        let given = Given { now: Mutex::new(bytes(first)), then: bytes(then) };
        Handed::new(Credentials::new(Arc::new(given)), "one")
    }

    #[tokio::test]
    async fn a_token_that_is_asked_for_again_is_a_new_one() {
        let first = seal("one", &[("a", "a1", Some(60)), ("b", "b1", None)]);
        let handed = handed(first, seal("one", &[("a", "a2", Some(120)), ("b", "b2", None)]));
        let text = async |scope| handed.token(scope, PLACE).await.unwrap().text.to_string();
        assert_eq!(text("a").await, "a1");
        assert_eq!(text("b").await, "b1");
        assert_eq!(text("a").await, "a2");
        // It came along with that of the other scope.
        assert_eq!(text("b").await, "b2");
        assert_eq!(handed.about::<Value>().unwrap(), json!({"who": "app"}));
    }

    #[tokio::test]
    async fn tokens_of_another_account_are_not_used() {
        let handed = handed(seal("one", &[("a", "a1", None)]), seal("two", &[("a", "a2", None)]));
        handed.token("a", PLACE).await.unwrap();
        let told = handed.token("a", PLACE).await.unwrap_err().to_string();
        assert!(told.contains("the account two") && !told.contains("a2"), "{told}");
        let told = handed.token("c", PLACE).await.unwrap_err().to_string();
        assert!(told.contains("account two"), "{told}");
    }

    #[test]
    fn the_first_end_counts_and_nothing_secret_is_shown() {
        let seal = seal("one", &[("a", "hunter2", Some(90)), ("b", "b1", None), ("c", "c1", Some(60))]);
        assert_eq!(seal.remaining, Some(Duration::from_mins(1)));
        let token = GotToken { text: Zeroizing::new("hunter2".to_owned()), ends: None };
        let handed = handed(seal, super::tests::seal("one", &[]));
        assert!(!format!("{token:?} {handed:?}").contains("hunter2"));
        let broken = Handed::new(
            Credentials::new(Arc::new(Given { now: Mutex::new(b"\"hunter2\"".to_vec()), then: Vec::new() })),
            "one",
        );
        let Err(Failure::Fault(fault)) = broken.about::<Value>() else { panic!("it is no fault") };
        assert!(!fault.message.contains("hunter2"), "{}", fault.message);
    }
}
