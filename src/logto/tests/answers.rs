use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures::stream;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::server::{SECRET, Server, code, empty, html, json, text, transport, with_header};
use crate::logto::{Client, Endpoint, Error, Failure, NewScope, Operation, StopCause, Unexpected};

const NEW: NewScope<'static> = NewScope {
    name: "read:user",
    description: None,
};

/// What a client makes of one answer to the creation of a scope.
async fn create_scope(answer: impl Fn() -> Response + Send + Sync + 'static) -> Error {
    let server = Server::start(move |seen| seen.path.starts_with("/api/").then(&answer)).await;
    server
        .client()
        .await
        .create_scope("r1", &NEW)
        .await
        .unwrap_err()
}

fn unexpected(status: u16, what: Unexpected) -> Error {
    let cause = StopCause::Unexpected { status, what };
    Error::Stop {
        operation: Operation::CreateScope,
        cause,
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_credentials_stay_here() {
    let elsewhere = Server::start(|_| None).await;
    for status in [301, 302, 303, 307, 308] {
        let to = elsewhere.origin.clone();
        let error =
            create_scope(move || with_header(empty(status), "location", &format!("{to}/api/x")))
                .await;
        assert_eq!(error, unexpected(status, Unexpected::Redirect));
    }
    for path in ["/oidc/token", "/oidc/.well-known/openid-configuration"] {
        let to = elsewhere.origin.clone();
        let server = Server::start(move |seen| {
            (seen.path == path).then(|| with_header(empty(307), "location", &format!("{to}{path}")))
        })
        .await;
        match Client::connect(server.config()).await {
            Ok(client) => drop(client.list_roles().await.unwrap_err()),
            Err(error) => assert_eq!(error.operation(), Operation::Discover),
        }
    }
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn a_page_of_a_proxy_is_neither_success_nor_absence() {
    assert_eq!(
        create_scope(|| html(200)).await,
        unexpected(200, Unexpected::NotJson)
    );
    assert_eq!(
        create_scope(|| html(403)).await,
        unexpected(403, Unexpected::NotJson)
    );
    assert_eq!(
        create_scope(|| text(404, "Not Found")).await,
        unexpected(404, Unexpected::NotJson)
    );
    for status in [200, 404] {
        let server =
            Server::start(move |seen| seen.path.starts_with("/api/").then(|| html(status))).await;
        let client = server.client().await;
        let error = client.delete_role("x1").await.unwrap_err();
        assert!(matches!(error, Error::Stop { .. }), "{error}");
        client.remove_role_scope("x1", "y1").await.unwrap_err();
        client.add_role_scope("x1", "y1").await.unwrap_err();
        client.get_role("x1").await.unwrap_err();
    }
}

#[tokio::test]
async fn an_answer_of_another_shape_may_have_happened() {
    let error = create_scope(|| json(201, json!({"id": 1, "name": SECRET}))).await;
    assert_eq!(error, unexpected(201, Unexpected::Undecodable));
    assert!(error.may_have_happened());
    assert!(!format!("{error} {error:?}").contains(SECRET));
}

#[tokio::test]
async fn an_answer_of_20_mb_is_refused_with_and_without_its_length() {
    let known = || Response::new(Body::from(vec![b' '; 20_000_000]));
    assert_eq!(
        create_scope(known).await,
        unexpected(200, Unexpected::TooLarge)
    );
    let unknown = || {
        let megabyte = Ok::<_, Infallible>(Bytes::from(vec![b' '; 1_000_000]));
        Response::new(Body::from_stream(stream::iter(vec![megabyte; 20])))
    };
    let error = create_scope(unknown).await;
    assert_eq!(error, unexpected(200, Unexpected::TooLarge));
    assert!(error.may_have_happened());
}

/// A server that connects a client, then answers each call of the API with these bytes and hangs up, or does not.
async fn raw(answer: &'static str, hang_up: bool) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let endpoint = Endpoint::parse(&origin, true).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let origin = origin.clone();
            tokio::spawn(async move {
                let mut request = vec![0; 16 * 1024];
                let length = stream.read(&mut request).await.unwrap();
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                let document = json!({"issuer": origin, "token_endpoint": format!("{origin}/oidc/token"),
                    "jwks_uri": format!("{origin}/oidc/jwks")});
                let token = json!({"access_token": "t", "expires_in": 3600, "scope": "all"});
                let answer = match request.split(' ').nth(1) {
                    Some("/oidc/.well-known/openid-configuration") => whole(&document),
                    Some("/oidc/token") => whole(&token),
                    _ => answer.to_owned(),
                };
                stream.write_all(answer.as_bytes()).await.unwrap();
                if !hang_up {
                    // Until the client does.
                    while stream.read_u8().await.is_ok() {}
                }
            });
        }
    });
    endpoint
}

fn whole(body: &Value) -> String {
    let body = body.to_string();
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn a_broken_connection_a_truncated_answer_and_silence_leave_a_write_unknown() {
    const TRUNCATED: &str = "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"id\":";
    for (answer, hang_up, cause) in [
        ("", true, Failure::Broken),
        (TRUNCATED, true, Failure::Broken),
        (TRUNCATED, false, Failure::Timeout),
        ("", false, Failure::Timeout),
    ] {
        let mut config = Server::start(|_| None).await.config();
        config.credentials.endpoint = raw(answer, hang_up).await;
        config.transport = transport(Duration::from_millis(300));
        let client = Client::connect(config).await.unwrap();
        let error = client.create_scope("r1", &NEW).await.unwrap_err();
        assert_eq!(
            error,
            Error::Retry {
                operation: Operation::CreateScope,
                cause
            },
            "{answer}"
        );
        assert!(error.may_have_happened());
        assert!(
            !client
                .list_resources_with_scopes()
                .await
                .unwrap_err()
                .may_have_happened()
        );
    }
}

#[tokio::test]
async fn a_refused_connection_surely_had_no_effect() {
    let mut config = Server::start(|_| None).await.config();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let free = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    config.credentials.endpoint = Endpoint::parse(&free, true).unwrap();
    let error = Client::connect(config).await.err().unwrap();
    let cause = Failure::NoConnection;
    assert_eq!(
        error,
        Error::Retry {
            operation: Operation::Discover,
            cause
        }
    );
    for (cause, happened) in [
        (Failure::NoConnection, false),
        (Failure::NoAddress, false),
        (Failure::Certificate, false),
        (Failure::Timeout, true),
    ] {
        let error = Error::Retry {
            operation: Operation::CreateRole,
            cause,
        };
        assert_eq!(error.may_have_happened(), happened, "{cause:?}");
    }
}

#[tokio::test]
async fn deleting_what_is_gone_is_done() {
    for answer in [
        (204, ""),
        (404, "entity.not_found"),
        (404, "entity.not_exists_with_id"),
    ] {
        let server = Server::start(move |seen| {
            let (status, text) = answer;
            seen.path.starts_with("/api/").then(|| match text {
                "" => empty(status),
                text => code(status, text),
            })
        })
        .await;
        let client = server.client().await;
        client.delete_resource("r1").await.unwrap();
        client.delete_scope("r1", "s1").await.unwrap();
        client.delete_role("x1").await.unwrap();
        client.remove_role_scope("x1", "s1").await.unwrap();
    }
}

#[tokio::test]
async fn an_id_that_logto_does_not_issue_is_never_sent() {
    let server = Server::start(|_| None).await;
    let client = server.client().await;
    for id in [
        "",
        ".",
        "..",
        "a/b",
        "../users",
        "a?b",
        "a#b",
        "a%2fb",
        "ä",
        "a b",
        &"a".repeat(65),
    ] {
        let refused = |operation| Error::Stop {
            operation,
            cause: StopCause::IllFormedId,
        };
        assert_eq!(
            client.get_role(id).await.unwrap_err(),
            refused(Operation::GetRole)
        );
        assert_eq!(
            client.delete_resource(id).await.unwrap_err(),
            refused(Operation::DeleteResource)
        );
        assert_eq!(
            client.delete_scope("r1", id).await.unwrap_err(),
            refused(Operation::DeleteScope)
        );
    }
    assert_eq!(
        server.seen().len(),
        1,
        "only the discovery document was read"
    );
}
