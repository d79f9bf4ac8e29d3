//! What of Hasura's settings a Deployment does not show, and what it shows to too many.

use std::fmt;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Container;

use super::command::{HASURA, Starter};
use super::container::named;
use super::env::{AUTH_HOOK, VARIABLES};
use super::env_from::{EnvFromKeys, Keys, SourceKind};
use super::image::last_part;
use super::live::owned_entries;
use super::place::Place;
use super::settings::{Setting, Settings};
use super::startup::{JWT_SECRETS, admin_setting};

/// Longest text that is shown of an image or a program, in characters.
const MAX_SHOWN: usize = 128;

/// Why settings of the container can not be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unseen {
    /// The image is not Hasura's own.
    Image(String),
    /// A shell starts Hasura.
    Shell,
    /// Another program starts Hasura.
    Program(String),
    /// The operator may not read a source of `envFrom`; its kind and name.
    Source(String),
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(image) => write!(
                f,
                "the image {image:?} is not hasura/graphql-engine, and may bring settings of its own"
            ),
            Self::Shell => write!(
                f,
                "a shell starts Hasura, and what it exports or adds as a flag wins over the env"
            ),
            Self::Program(program) => write!(
                f,
                "the program {program:?} starts Hasura, and what it sets wins over the env"
            ),
            Self::Source(source) => write!(f, "the operator may not read envFrom {source}"),
        }
    }
}

/// Why settings of the container can not be seen, in a set order.
pub fn unseen(deployment: &Deployment, container: &str, env_from: &EnvFromKeys) -> Vec<Unseen> {
    named(deployment, container).map_or_else(Vec::new, |container| {
        let settings = Settings::of(container, env_from, None);
        let sources = env_from.sources.iter();
        let unread = sources.filter(|source| source.keys == Keys::Unknown);
        let unread = unread.map(|source| Unseen::Source(source.to_string()));
        own_start(&settings).into_iter().chain(unread).collect()
    })
}

/// What starts Hasura other than its own image by its own command.
pub(super) fn own_start(settings: &Settings<'_>) -> Vec<Unseen> {
    let image = own_image(settings.container).map(Unseen::Image);
    let starter = settings.command.starter().map(|starter| match starter {
        Starter::Shell => Unseen::Shell,
        Starter::Program(program) => Unseen::Program(shown(program)),
    });
    image.into_iter().chain(starter).collect()
}

/// The container's image, if it is not Hasura's.
fn own_image(container: &Container) -> Option<String> {
    let image = container.image.as_deref()?;
    (!is_hasuras(image)).then(|| shown(image))
}

/// Whether an image is Hasura's own, in any registry and version. Nothing keeps a registry from having another one of that
/// path; whoever runs it knows.
fn is_hasuras(image: &str) -> bool {
    let path = image.split('@').next().unwrap_or_default();
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    last_part(image) == HASURA && (folder == "hasura" || folder.ends_with("/hasura"))
}

fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect()
}

/// Variables and flags which the shell or program that starts Hasura can not set beside what the operator sets.
const AUTH_SIGNS: [&str; 7] = [
    super::env::JWT_SECRET,
    JWT_SECRETS,
    AUTH_HOOK,
    super::env::AUTH_HOOK_MODE,
    "--jwt-secret",
    "--jwt-secrets",
    "--auth-hook",
];

/// What the text of the shell or program names of them.
pub(super) fn sets_auth(settings: &Settings<'_>) -> impl Iterator<Item = &'static str> {
    let signs = AUTH_SIGNS.into_iter();
    signs.filter(|sign| settings.command.names(sign))
}

/// Where the admin secret stands for more people to read than a Secret's readers.
pub fn exposed_admin_secret(
    deployment: &Deployment,
    container: &str,
    env_from: &EnvFromKeys,
) -> Option<Place> {
    let settings = Settings::of(named(deployment, container)?, env_from, None);
    let setting = admin_setting(&settings)?;
    let is_exposed = match setting {
        // One with a reference may take it from a Secret.
        Setting::Flag { value, .. } | Setting::Literal { value, .. } => {
            !value.is_empty() && !value.contains("$(")
        }
        Setting::Reference { from, .. } => from.config_map_key_ref.is_some(),
        Setting::EnvFrom { source, .. } => source.kind == SourceKind::ConfigMap,
    };
    is_exposed.then(|| setting.place())
}

/// What `envFrom` sets that the operator's entries win over now, and that works again when they are gone.
pub(super) fn returning(
    live: &Deployment,
    without: &Deployment,
    container: &str,
    env_from: &EnvFromKeys,
) -> Vec<Place> {
    let Some(after) = named(without, container) else {
        return Vec::new();
    };
    let settings = Settings::of(after, env_from, None);
    let owned = owned_entries(live);
    let ours = |name: &&'static str| {
        let mut owned = owned.iter();
        owned.any(|entry| entry.container == container && entry.name == **name)
    };
    let found = VARIABLES.into_iter().filter(ours);
    let found = found.filter_map(|name| settings.variable(name));
    let by_source = found.filter(|setting| matches!(setting, Setting::EnvFrom { .. }));
    by_source.map(|setting| setting.place()).collect()
}
