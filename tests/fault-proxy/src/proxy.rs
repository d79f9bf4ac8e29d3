//! From a connection to the server and back.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use bytes::Bytes;
use futures::StreamExt;
use http::{Request, Response, header};
use http_body_util::{BodyExt, BodyStream, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    fault::{Answer, Effect},
    record::{Exchange, Moment, Record},
};

/// What is handed to a socket on loopback is sent within this time.
const FLUSH: Duration = Duration::from_millis(50);

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The server behind a proxy.
pub struct Upstream {
    /// What its exchanges are called in the record.
    pub name: &'static str,
    /// Scheme, host and port.
    pub url: String,
    /// Whether a request of this method and path changes something.
    pub is_write: fn(&str, &str) -> bool,
    client: reqwest::Client,
}

impl Upstream {
    /// A Kubernetes API server. A dry run, a question about rights and a Lease are no writes here: the first two change
    /// nothing, and the last goes on at all times.
    ///
    /// # Errors
    /// When its certificate authority can not be read.
    pub fn api_server(url: &str, authority: &Path) -> anyhow::Result<Self> {
        let pem = std::fs::read(authority).context("the API server's certificate authority")?;
        let certificates = reqwest::Certificate::from_pem_bundle(&pem)?;
        Ok(Self {
            name: "api-server",
            url: url.to_owned(),
            is_write: |method, path| {
                method != "GET"
                    && !path.contains("dryRun=")
                    && !path.contains("subjectaccessreviews")
                    && !path.contains("/leases")
            },
            client: client().tls_certs_only(certificates).build()?,
        })
    }

    /// A Logto. A token and a dry run of a script are no writes.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn logto(url: &str) -> anyhow::Result<Self> {
        Ok(Self {
            name: "logto",
            url: url.to_owned(),
            is_write: |method, path| {
                method != "GET"
                    && path.starts_with("/api/")
                    && path != "/api/configs/jwt-customizer/test"
            },
            client: client().build()?,
        })
    }
}

fn client() -> reqwest::ClientBuilder {
    // Answers pass on as they are: what a redirect or an encoding does is for the one behind the proxy.
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .pool_max_idle_per_host(0)
}

/// A proxy on a port of its own. It stops when dropped.
pub struct Proxy {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Proxy {
    /// Starts on the caller's tokio runtime.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(upstream: Upstream, record: Arc<Record>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let passage = Arc::new(Passage { upstream, record });
        let serving = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let Ok((stream, _)) = accepted else { continue };
                        let _ = stream.set_nodelay(true);
                        let passage = Arc::clone(&passage);
                        let service = service_fn(move |request| Arc::clone(&passage).carry(request));
                        connections.spawn(async move {
                            // An error is a connection that was cut, by either side.
                            let _ = http1::Builder::new()
                                .timer(TokioTimer::new())
                                .serve_connection(TokioIo::new(stream), service)
                                .await;
                        });
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Ok(Self { address, serving })
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

struct Passage {
    upstream: Upstream,
    record: Arc<Record>,
}

impl Passage {
    /// An error closes the connection without an answer.
    async fn carry(self: Arc<Self>, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let method = request.method().as_str().to_owned();
        let path = request
            .uri()
            .path_and_query()
            .map_or_else(|| "/".to_owned(), ToString::to_string);
        let is_write = (self.upstream.is_write)(&method, &path);
        let course = self.record.begin(
            self.upstream.name,
            &method,
            &path,
            request.headers(),
            is_write,
        );
        let place = course.place;
        let mut hold = course.hold;
        if let Some((_, tell)) = hold.take_if(|(moment, _)| *moment == Moment::Before) {
            return self.hold(place, tell).await;
        }
        let response = match course.fault {
            None => self.forward(request, &path).await?,
            Some(fault) => {
                let real = match fault.effect {
                    Effect::With => Some(self.forward(request, &path).await?),
                    Effect::Without => None,
                };
                spoil(fault.answer, real).await?
            }
        };
        if let Some((_, tell)) = hold {
            // The whole answer is there, so the effect is too.
            let (_, body) = response.into_parts();
            body.collect().await?;
            return self.hold(place, tell).await;
        }
        self.record.answered(place, response.status().as_u16());
        Ok(response)
    }

    /// Waits until the client goes away, which drops this.
    async fn hold(
        &self,
        place: usize,
        tell: tokio::sync::oneshot::Sender<Exchange>,
    ) -> io::Result<Response<Body>> {
        if let Some(exchange) = self.record.exchange(place) {
            // Nobody may be waiting for it any more.
            let _ = tell.send(exchange);
        }
        std::future::pending().await
    }

    async fn forward(&self, request: Request<Incoming>, path: &str) -> io::Result<Response<Body>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let mut headers = parts.headers;
        // Of this connection, not of the next one. The host stays: Logto announces its addresses by it.
        headers.remove(header::CONNECTION);
        headers.remove(header::TRANSFER_ENCODING);
        let url = format!("{}{path}", self.upstream.url);
        let sent = self
            .upstream
            .client
            .request(parts.method, url)
            .headers(headers)
            .body(body)
            .send()
            .await;
        let mut response: Response<reqwest::Body> = sent.map_err(io::Error::other)?.into();
        response.headers_mut().remove(header::TRANSFER_ENCODING);
        response.headers_mut().remove(header::CONNECTION);
        Ok(response.map(|body| until_silenced(body, self.record.silenced())))
    }
}

/// The body, for as long as it is not silenced; then it never ends.
fn until_silenced(body: reqwest::Body, silenced: watch::Receiver<u64>) -> Body {
    let frames = BodyStream::new(body.map_err(io::Error::other));
    let frames = futures::stream::unfold((frames, silenced), |(mut frames, mut silenced)| async {
        let frame = tokio::select! {
            biased;
            _ = silenced.changed() => std::future::pending().await,
            frame = frames.next() => frame,
        };
        frame.map(|frame| (frame, (frames, silenced)))
    });
    BodyExt::boxed_unsync(StreamBody::new(frames))
}

async fn spoil(answer: Answer, real: Option<Response<Body>>) -> io::Result<Response<Body>> {
    match answer {
        Answer::Close => Err(io::ErrorKind::ConnectionReset.into()),
        Answer::Silence => std::future::pending().await,
        Answer::Torn => torn(real).await,
        Answer::Of {
            status,
            headers,
            body,
        } => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(whole(body)).map_err(io::Error::other)
        }
    }
}

/// Half of the answer, under the length of the whole.
async fn torn(real: Option<Response<Body>>) -> io::Result<Response<Body>> {
    let (mut parts, body) = match real {
        Some(real) => {
            let (parts, body) = real.into_parts();
            (parts, body.collect().await?.to_bytes())
        }
        None => {
            let made = Response::builder()
                .header(header::CONTENT_TYPE, "application/json")
                .body(())
                .map_err(io::Error::other)?;
            (
                made.into_parts().0,
                Bytes::from_static(b"{\"torn\":\"....\"}"),
            )
        }
    };
    let length = body.len().max(2);
    parts.headers.insert(header::CONTENT_LENGTH, length.into());
    let half = body.slice(..body.len() / 2);
    let begin = futures::stream::once(async { Ok(hyper::body::Frame::data(half)) });
    let end = futures::stream::once(async {
        // An error that comes with the data would keep it, and the head, from being sent at all.
        tokio::time::sleep(FLUSH).await;
        Err(io::Error::from(io::ErrorKind::ConnectionReset))
    });
    let frames = begin.chain(end);
    let body = StreamBody::new(frames);
    Ok(Response::from_parts(parts, BodyExt::boxed_unsync(body)))
}

fn whole(body: Bytes) -> Body {
    Full::new(body)
        .map_err(|never| match never {})
        .boxed_unsync()
}
