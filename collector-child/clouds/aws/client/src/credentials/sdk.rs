//! The transport as the SDK's credential providers want it.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use http_client::{Limits, Transport, TransportTrouble};

/// Tokens and keys are small.
const ANSWER_BYTES: usize = 1 << 20;

/// The transport as an HTTP client of the SDK.
#[derive(Debug, Clone)]
pub(super) struct SdkTransport(pub(super) Transport);

impl HttpClient for SdkTransport {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let own = self.0.limits();
        let limits = Limits {
            connect: settings.connect_timeout().unwrap_or(own.connect).min(own.connect),
            read: settings.read_timeout().unwrap_or(own.read).min(own.read),
            answer_bytes: ANSWER_BYTES,
            ..own
        };
        SharedHttpConnector::new(SdkConnector { transport: self.0.clone(), limits })
    }
}

#[derive(Debug)]
struct SdkConnector {
    transport: Transport,
    limits: Limits,
}

impl HttpConnector for SdkConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (transport, limits) = (self.transport.clone(), self.limits);
        HttpConnectorFuture::new(async move {
            let request = whole(request).await?;
            let answer = transport.send_within(request, limits).await.map_err(told)?;
            let mut response = Response::new(SdkBody::from(answer.body));
            *response.status_mut() = http::StatusCode::from_u16(answer.status)
                .map_err(|error| ConnectorError::user(error.into()))?;
            *response.headers_mut() = answer.headers;
            HttpResponse::try_from(response).map_err(|error| ConnectorError::user(error.into()))
        })
    }
}

async fn whole(request: HttpRequest) -> Result<Request<Full<Bytes>>, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (head, body) = request.into_parts();
    let body = Limited::new(body, ANSWER_BYTES).collect().await.map_err(ConnectorError::user)?;
    Ok(Request::from_parts(head, Full::new(body.to_bytes())))
}

fn told(trouble: TransportTrouble) -> ConnectorError {
    if trouble.timeout() {
        ConnectorError::timeout(trouble.into())
    } else {
        ConnectorError::io(trouble.into())
    }
}
