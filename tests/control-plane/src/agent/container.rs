//! One start of a Hasura container.

use hasura_double::{Fatal, Running, Server, ServerOptions, StartError};
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::Client;

use super::AgentOptions;
use super::env;
use super::expansion::expand;
use super::referents::Referents;

/// An image with this tag is in no registry.
const MISSING_TAG: &str = "missing";

const DATABASE_URL: &str = "HASURA_GRAPHQL_DATABASE_URL";

/// How a start went.
pub(crate) enum Outcome {
    /// Hasura listens, until this is dropped.
    Running(Running),
    /// Hasura runs and tries to reach its database; it ends with this error when it gives up.
    Doomed(Fatal),
    /// Hasura has ended with an error.
    Crashed(Fatal),
    /// The registry does not have the image.
    NotPulled,
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

/// Whether no registry has the image: its tag is [`MISSING_TAG`].
fn is_missing(image: &str) -> bool {
    image.rsplit_once(':').map(|(_, tag)| tag) == Some(MISSING_TAG)
}

/// Whether no name server knows the database's host: it is below the domain that is reserved for such (RFC 2606).
fn is_unreachable(database: &str) -> bool {
    let host = database.rsplit('@').next().unwrap_or_default();
    let host = host.rsplit("//").next().unwrap_or_default();
    let host = host.split(['/', ':', '?']).next().unwrap_or_default();
    host.ends_with(".invalid")
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
    if container.image.as_deref().is_some_and(is_missing) {
        return Outcome::NotPulled;
    }
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
        Ok(running) => match env.get(DATABASE_URL).filter(|url| is_unreachable(url)) {
            Some(_) => Outcome::Doomed(Fatal::in_env(DATABASE_URL, "the host is not known")),
            None => Outcome::Running(running),
        },
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
    fn what_is_nowhere_is_known_by_its_name() {
        assert!(is_missing("hasura/graphql-engine:missing"));
        assert!(!is_missing("hasura/graphql-engine:v2.48.6"));
        assert!(!is_missing("missing/graphql-engine"));
        assert!(is_unreachable("postgres://hasura:x@db.invalid:5432/shop"));
        assert!(is_unreachable("postgres://db.invalid/shop?sslmode=require"));
        assert!(!is_unreachable("postgres://db/shop"));
        assert!(!is_unreachable("postgres://hasura:x.invalid@db:5432/shop"));
    }

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
