//! One request of the client as one of HTTP's, whatever the connection is.

use crate::limits::CONNECT_WAIT;
use crate::transport::{Answer, AnswerBody, BoxFuture, Call, Method, TransportError};

/// What every client is built from. `tls`: whether it is to speak TLS, which takes a while to begin
/// with, for the system's roots are read.
pub fn builder(tls: bool) -> reqwest::ClientBuilder {
    // Of two that install it, the first one counts; both are the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_WAIT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy();
    if tls {
        builder
    } else {
        builder.tls_certs_only([])
    }
}

/// Sends a request to the server at `base`, a URL without a path.
pub(crate) fn send<'a>(
    http: &reqwest::Client,
    base: &str,
    call: Call,
) -> BoxFuture<'a, Result<Answer, TransportError>> {
    let url = format!("{base}{}", call.path_and_query);
    let mut request = match call.method {
        Method::Get => http.get(url),
        Method::Post => http.post(url),
    };
    for (name, value) in call.headers {
        request = request.header(name, value);
    }
    if let Some(body) = call.body {
        request = request
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(body);
    }
    Box::pin(async move {
        // The URL says nothing to people: what was asked is told by the client.
        let response = request.send().await.map_err(reqwest::Error::without_url)?;
        Ok(Answer {
            status: response.status().as_u16(),
            body: Box::new(ResponseBody(response)),
        })
    })
}

struct ResponseBody(reqwest::Response);

impl AnswerBody for ResponseBody {
    fn chunk(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, TransportError>> {
        Box::pin(async {
            let chunk = self.0.chunk().await.map_err(reqwest::Error::without_url)?;
            Ok(chunk.map(|bytes| bytes.to_vec()))
        })
    }
}
