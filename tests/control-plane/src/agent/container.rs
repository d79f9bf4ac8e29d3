//! One start of a Hasura container.

use std::time::Duration;

use hasura_double::{AuthMode, Fatal, KeySource, Settings};
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::Client;

use super::env;
use super::expansion::expand;
use super::referents::Referents;

/// How a start went.
pub(crate) enum Outcome {
    /// Hasura listens.
    Running(Box<Settings>),
    /// Hasura has ended with an error.
    Crashed(Fatal),
    /// There was nothing to start yet; why, in the kubelet's words.
    NotConfigured(String),
}

/// Whether the image is Hasura's, in any registry and version.
pub(crate) fn is_hasura(image: &str) -> bool {
    let image = image.split('@').next().unwrap_or_default();
    // A colon before the last slash is that of a registry's port.
    let tag = image
        .rfind(':')
        .filter(|colon| image.rfind('/') < Some(*colon));
    let repository = &image[..tag.unwrap_or(image.len())];
    repository == "hasura/graphql-engine" || repository.ends_with("/hasura/graphql-engine")
}

/// Starts the container as a kubelet would, with Hasura's checks in place of Hasura.
pub(crate) async fn start(
    client: &Client,
    http: &reqwest::Client,
    pod: &Pod,
    container: &Container,
) -> Outcome {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let referents = match Referents::read(client, namespace, container).await {
        Ok(referents) => referents,
        Err(error) => return Outcome::NotConfigured(error.to_string()),
    };
    let env = match env::resolve(pod, container, &referents) {
        Ok(env) => env,
        Err(message) => return Outcome::NotConfigured(message),
    };
    let words = container.command.iter().chain(&container.args).flatten();
    let command_line: Vec<_> = words.map(|word| expand(word, &env)).collect();
    let settings = match hasura_double::start_up(&env, &command_line) {
        Ok(settings) => settings,
        Err(fatal) => return Outcome::Crashed(fatal),
    };
    if let AuthMode::Jwt(jwt) = &settings.auth
        && let KeySource::Url(url) = &jwt.keys
        && let Err(fatal) = fetch_jwks(http, url).await
    {
        return Outcome::Crashed(fatal);
    }
    Outcome::Running(Box::new(settings))
}

/// A client that fetches key sets like Hasura's: redirects are followed, the system's authorities trusted.
pub(crate) fn jwks_client(within: Duration) -> reqwest::Result<reqwest::Client> {
    // Pods do not see the proxy of the machine that the tests run on.
    reqwest::Client::builder()
        .timeout(within)
        .no_proxy()
        .build()
}

async fn fetch_jwks(http: &reqwest::Client, url: &str) -> Result<(), Fatal> {
    let fetch = async {
        let response = http.get(url).send().await?;
        Ok::<_, reqwest::Error>((response.status().as_u16(), response.bytes().await?))
    };
    match fetch.await {
        Ok((status, body)) => hasura_double::check_jwks(url, status, &body),
        Err(error) if error.is_timeout() => Err(hasura_double::jwks_timed_out()),
        Err(error) => {
            let mut cause: &dyn std::error::Error = &error;
            while let Some(source) = cause.source() {
                cause = source;
            }
            Err(hasura_double::jwks_unreachable(&cause.to_string()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hasuras_image_is_known_in_any_registry_and_version() {
        for image in [
            "hasura/graphql-engine",
            "hasura/graphql-engine:v2.48.6",
            "docker.io/hasura/graphql-engine:v2.48.6.cli-migrations-v3",
            "registry.local:5000/mirror/hasura/graphql-engine@sha256:abc",
            "registry.local:5000/hasura/graphql-engine",
        ] {
            assert!(is_hasura(image), "{image}");
        }
        for image in [
            "not-hasura/graphql-engine",
            "hasura/graphql-engine-base:1",
            "postgres:16",
            "",
        ] {
            assert!(!is_hasura(image), "{image}");
        }
    }
}
