//! Puts the manifests of an example into a test's own namespaces, and changes no more of them than that needs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use kube::{
    Api,
    api::{Patch, PatchParams},
    core::{ApiResource, DynamicObject, GroupVersionKind, TypeMeta},
};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::{Value, json};

use crate::world::World;

/// The groups of what a cluster without any GitOps tool knows; the core group has no name.
const KNOWN_GROUPS: [&str; 3] = ["", "apps", "logto-hasura.dev"];

/// A folder of `examples/`; an empty name is `examples/` itself.
pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(name)
}

/// What `kubectl apply -f` finds in a folder.
pub struct Example {
    /// In the order in which kubectl applies them.
    pub documents: Vec<Value>,
    /// The documents of kinds that are not installed here, such as `Application shop`; read, and not applied.
    pub foreign: Vec<String>,
}

impl Example {
    pub fn read(name: &str) -> anyhow::Result<Self> {
        let entries = fs::read_dir(folder(name))?;
        let mut files = entries
            .map(|entry| Ok(entry?.path()))
            .collect::<anyhow::Result<Vec<_>>>()?;
        files.retain(|path| path.extension().is_some_and(|end| end == "yaml"));
        files.sort();
        let mut example = Self {
            documents: Vec::new(),
            foreign: Vec::new(),
        };
        for path in files {
            let text = fs::read_to_string(&path)?;
            let documents: Vec<Value> =
                serde_saphyr::from_multiple(&text).with_context(|| path.display().to_string())?;
            for document in documents {
                example
                    .add(document)
                    .with_context(|| path.display().to_string())?;
            }
        }
        Ok(example)
    }

    fn add(&mut self, document: Value) -> anyhow::Result<()> {
        let (group, _, kind) = parts(&document)?;
        if KNOWN_GROUPS.contains(&group.as_str()) {
            self.documents.push(document);
        } else {
            self.foreign.push(format!("{kind} {}", name(&document)?));
        }
        Ok(())
    }
}

/// The namespaces of a test that stand for those of the examples.
pub struct Place<'a> {
    /// Stands for `shop`.
    shop: &'a World,
    /// Those beside it, by their names in the examples.
    others: Vec<(&'static str, World)>,
}

impl<'a> Place<'a> {
    pub async fn new(shop: &'a World, others: &[&'static str]) -> anyhow::Result<Self> {
        let mut place = Self {
            shop,
            others: Vec::new(),
        };
        for name in others {
            place
                .others
                .push((name, shop.beside(name, json!({})).await?));
        }
        Ok(place)
    }

    /// What stands for a namespace of the examples.
    pub fn world(&self, name: &str) -> anyhow::Result<&World> {
        if name == "shop" {
            return Ok(self.shop);
        }
        let found = self.others.iter().find(|(other, _)| *other == name);
        let (_, world) = found.with_context(|| format!("the test has no namespace for {name}"))?;
        Ok(world)
    }

    /// Starts the operator for all of them.
    pub fn start_operator(&self) -> anyhow::Result<()> {
        let mut namespaces = vec![self.shop.namespace.as_str()];
        namespaces.extend(
            self.others
                .iter()
                .map(|(_, world)| world.namespace.as_str()),
        );
        self.shop
            .start_operator(&["--watch-namespace", &namespaces.join(",")])
    }

    /// Applies all documents as `kubectl apply --server-side` does; an unknown field is an error.
    pub async fn apply(&self, example: &Example) -> anyhow::Result<()> {
        for document in &example.documents {
            let mut object = document.clone();
            self.rename(&mut object)?;
            self.point_at_the_emulator(&mut object);
            let (group, version, kind) = parts(&object)?;
            let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(&group, &version, &kind));
            let client = self.shop.client.clone();
            let api: Api<DynamicObject> = match object["metadata"]["namespace"].as_str() {
                Some(namespace) => Api::namespaced_with(client, namespace, &resource),
                None => Api::all_with(client, &resource),
            };
            let params = PatchParams::apply("kubectl").validation_strict();
            api.patch(name(&object)?, &params, &Patch::Apply(&object))
                .await
                .with_context(|| format!("applying {kind} {}", name(document).unwrap_or("")))?;
        }
        Ok(())
    }

    /// Waits until every object of ours is Ready for this reason.
    pub async fn all_say(&self, example: &Example, reason: &str) -> anyhow::Result<()> {
        let mut seen = 0;
        for document in &example.documents {
            let (group, _, kind) = parts(document)?;
            if group != "logto-hasura.dev" {
                continue;
            }
            let namespace = document["metadata"]["namespace"].as_str();
            let world = self.world(namespace.context("a namespace")?)?;
            let (name, ready, yes) = (name(document)?, "Ready", "True");
            match kind.as_str() {
                "LogtoTenant" => {
                    world
                        .condition::<LogtoTenant>(name, ready, yes, reason)
                        .await?;
                }
                "HasuraInstance" => {
                    world
                        .condition::<HasuraInstance>(name, ready, yes, reason)
                        .await?;
                }
                "HasuraRoleBinding" => {
                    world
                        .condition::<HasuraRoleBinding>(name, ready, yes, reason)
                        .await?;
                }
                _ => bail!("{kind} is no kind of ours"),
            }
            seen += 1;
        }
        ensure!(seen >= 3, "an example has at least one object of each kind");
        Ok(())
    }

    pub async fn end(&self) {
        for (_, world) in &self.others {
            world.end().await;
        }
    }

    fn rename(&self, object: &mut Value) -> anyhow::Result<()> {
        if object["kind"] == "Namespace" {
            let name = self.new_name(&object["metadata"]["name"])?;
            object["metadata"]["name"] = name;
            return Ok(());
        }
        self.rename_in(object)
    }

    /// Follows `namespace: <name>` and `namespaces: {names: [<name>]}`, wherever they are.
    fn rename_in(&self, value: &mut Value) -> anyhow::Result<()> {
        match value {
            Value::Object(fields) => {
                for (key, field) in fields {
                    match (key.as_str(), &*field) {
                        ("namespace", Value::String(_)) => *field = self.new_name(field)?,
                        ("namespaces", Value::Object(form)) if form.contains_key("names") => {
                            let names = form["names"].as_array().context("a list of names")?;
                            let names = names.iter().map(|name| self.new_name(name));
                            *field = json!({"names": names.collect::<anyhow::Result<Vec<_>>>()?});
                        }
                        _ => self.rename_in(field)?,
                    }
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.rename_in(item)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn new_name(&self, name: &Value) -> anyhow::Result<Value> {
        let name = name.as_str().context("a namespace's name")?;
        Ok(json!(self.world(name)?.namespace))
    }

    /// Loopback has no TLS, and no test waits for a budget.
    fn point_at_the_emulator(&self, object: &mut Value) {
        if object["kind"] == "Secret" && object["metadata"]["name"] == "logto-m2m" {
            object["stringData"] = self.shop.secret()["stringData"].take();
        }
        if object["kind"] == "LogtoTenant" {
            let mut usual = self.shop.tenant();
            for field in ["allowPlainHttp", "rateLimit"] {
                object["spec"][field] = usual["spec"][field].take();
            }
        }
    }
}

/// Group, version and kind.
fn parts(object: &Value) -> anyhow::Result<(String, String, String)> {
    let types: TypeMeta = serde_json::from_value(object.clone())?;
    let (group, version) = types
        .api_version
        .split_once('/')
        .unwrap_or(("", &types.api_version));
    Ok((group.to_owned(), version.to_owned(), types.kind))
}

fn name(object: &Value) -> anyhow::Result<&str> {
    object["metadata"]["name"].as_str().context("a name")
}
