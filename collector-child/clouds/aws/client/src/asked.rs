//! A call whose operation is known.

use http_client::{BoxFuture, Call, CallError, CallPlace, Class, Listing, Pages, Queue};
use serde_json::{Map, Value};
use shapes::{Operation, Pagination, Service};

use crate::attempt::Trial;
use crate::client::{Client, Target};
use crate::hint::ADVISOR;

/// A call whose operation is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) target: Target<'a>,
    pub(crate) service: &'static Service,
    pub(crate) operation: &'static Operation,
}

impl<'a> Asked<'a> {
    pub(crate) fn new(target: &Target<'a>, name: &str, operation: &str) -> Result<Self, CallError> {
        let Target { account, region, .. } = *target;
        let place = CallPlace { account, region, service: name, operation, advisor: ADVISOR };
        let wrong = |message| CallError::new(Class::Input, place, message);
        let service = aws_shapes::service(name).map_err(|unknown| wrong(unknown.to_string()))?;
        let operation =
            service.operation(operation).ok_or_else(|| wrong("there is no such operation".to_owned()))?;
        Ok(Self { target: *target, service, operation })
    }

    pub(crate) fn place(&self) -> CallPlace<'a> {
        let Target { account, region, .. } = self.target;
        let (service, operation) = (self.service.name, self.operation.name);
        CallPlace { account, region, service, operation, advisor: ADVISOR }
    }

    pub(crate) fn parameters(&self, params: Value) -> Result<Map<String, Value>, CallError> {
        match params {
            Value::Object(params) => Ok(params),
            Value::Null => Ok(Map::new()),
            _ => Err(CallError::new(Class::Input, self.place(), "the parameters are not an object")),
        }
    }

    pub(crate) async fn call(
        &self,
        client: &Client,
        params: &Map<String, Value>,
        queue: Queue,
    ) -> Result<Value, CallError> {
        let hub = &client.0.hub;
        let request = shapes::build(self.service, self.operation, params, &hub.unique())
            .map_err(|fault| CallError::new(Class::Input, self.place(), fault.to_string()))?;
        let bucket = params.get("Bucket").and_then(Value::as_str).filter(|_| self.service.name == "s3");
        let mut trial = Trial::new(client, self, request, bucket);
        let call = Call { place: self.place(), deadline: self.target.deadline, queue };
        let answer = hub.call(call, &mut trial).await;
        answer.map_err(|error| {
            error.change(|trouble| trouble.subject = bucket.map(|name| format!("bucket {name}")))
        })
    }
}

/// All pages of a listing.
pub(crate) fn pages<'a>(
    client: &'a Client,
    target: &Target<'a>,
    service: &str,
    operation: &str,
    params: Value,
) -> Pages<'a> {
    let asked = Asked::new(target, service, operation);
    match asked.and_then(|asked| Ok((asked, asked.parameters(params)?))) {
        Ok((asked, params)) => Pages::new(Listed { client, asked }, params),
        Err(error) => Pages::broken(error),
    }
}

struct Listed<'a> {
    client: &'a Client,
    asked: Asked<'a>,
}

impl Listing for Listed<'_> {
    fn place(&self) -> CallPlace<'_> {
        self.asked.place()
    }

    fn pagination(&self) -> Option<&'static Pagination> {
        self.asked.operation.pagination.as_ref()
    }

    fn call<'b>(&'b self, params: &'b Map<String, Value>) -> BoxFuture<'b, Result<Value, CallError>> {
        Box::pin(self.asked.call(self.client, params, Queue::Lane))
    }
}
