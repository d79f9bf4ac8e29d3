//! One start of a Hasura container.

use hasura_double::{Fatal, Running, Server, ServerOptions, StartError};
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::Client;

use super::AgentOptions;
use super::env;
use super::expansion::expand;
use super::referents::Referents;

/// How a start went.
pub(crate) enum Outcome {
    /// Hasura listens, until this is dropped.
    Running(Running),
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

/// Starts the container as a kubelet would, with a double in place of Hasura.
///
/// It listens on a free port whatever its environment says, because all pods share the machine's loopback.
pub(crate) async fn start(
    client: &Client,
    options: &AgentOptions,
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
    let options = ServerOptions {
        poll_tick: options.poll_tick,
        answer_within: options.answer_within,
        ..ServerOptions::default()
    };
    match Server::start(&env, &command_line, options).await {
        Ok(running) => Outcome::Running(running),
        Err(StartError::Fatal(fatal)) => Outcome::Crashed(fatal),
        Err(error @ (StartError::Listen { .. } | StartError::Client(_))) => {
            Outcome::NotConfigured(error.to_string())
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
