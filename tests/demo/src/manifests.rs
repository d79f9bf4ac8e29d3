//! `crds/` and `examples/quickstart/`, as they stand in the tree.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, anyhow, ensure};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
    core::{ApiResource, DynamicObject, GroupVersionKind, TypeMeta},
};
use logto_emulator::Emulator;
use serde_json::{Value, json};

/// The field manager of `kubectl apply --server-side`, whose place the demo takes.
const FIELD_MANAGER: &str = "kubectl";

/// One object of a file.
pub struct Manifest {
    /// The file's name without its folder.
    pub file: String,
    pub object: Value,
    kind: TypeMeta,
}

impl Manifest {
    /// Its name, which [`read`] has seen.
    pub fn name(&self) -> &str {
        self.object["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// Such as `Deployment hasura`.
    pub fn title(&self) -> String {
        format!("{} {}", self.kind.kind, self.name())
    }

    /// Such as `Deployment`.
    pub fn kind(&self) -> &str {
        &self.kind.kind
    }

    /// Whether it is of one of the operator's kinds.
    pub fn is_ours(&self) -> bool {
        self.kind.api_version.starts_with("logto-hasura.dev/")
    }
}

/// A folder of this tree.
pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(name)
}

/// Reads all objects of a folder's YAML files, by file name as kubectl does.
///
/// # Errors
/// When a file can not be read, is not YAML, or holds what is no object.
pub fn read(folder: &Path) -> Result<Vec<Manifest>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("the folder {}", folder.display()))?;
    let mut files = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|end| end == "yaml"));
    files.sort();
    let mut all = Vec::new();
    for path in files {
        let file = path
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let text = fs::read_to_string(&path).with_context(|| file.clone())?;
        let objects: Vec<Value> =
            serde_saphyr::from_multiple(&text).with_context(|| file.clone())?;
        for object in objects {
            let kind: TypeMeta =
                serde_json::from_value(object.clone()).with_context(|| file.clone())?;
            ensure!(
                object["metadata"]["name"].is_string(),
                "{file}: an object has no name"
            );
            let file = file.clone();
            all.push(Manifest { file, object, kind });
        }
    }
    ensure!(
        !all.is_empty(),
        "the folder {} holds no YAML file",
        folder.display()
    );
    Ok(all)
}

/// Puts the emulator's address and credentials in place of the placeholders, and lets the tenant be plain http.
///
/// # Errors
/// When the examples hold no such Secret or tenant.
pub fn point_at(manifests: &mut [Manifest], logto: &Emulator) -> Result<()> {
    let secret = find(manifests, "Secret", "logto-m2m")?;
    secret["stringData"] = json!({
        "endpoint": logto.endpoint(),
        "clientId": logto.client_id(),
        "clientSecret": logto.client_secret(),
    });
    let tenant = find(manifests, "LogtoTenant", "main")?;
    tenant["spec"]["allowPlainHttp"] = json!(true);
    Ok(())
}

fn find<'a>(manifests: &'a mut [Manifest], kind: &str, name: &str) -> Result<&'a mut Value> {
    let found = manifests
        .iter_mut()
        .find(|manifest| manifest.kind() == kind && manifest.name() == name);
    Ok(&mut found
        .with_context(|| format!("the examples hold no {kind} {name}"))?
        .object)
}

/// Where the API server keeps it.
pub fn api(client: &Client, manifest: &Manifest) -> Api<DynamicObject> {
    // Whatever is not of the form group/version is a version of the core group.
    let (group, version) = manifest
        .kind
        .api_version
        .split_once('/')
        .unwrap_or(("", &manifest.kind.api_version));
    // The plural is guessed; all kinds here have a regular one.
    let resource =
        ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &manifest.kind.kind));
    match manifest.object["metadata"]["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

/// Applies it as `kubectl apply --server-side` does; an unknown field is an error.
///
/// # Errors
/// Those of the API server.
pub async fn apply(client: &Client, manifest: &Manifest) -> Result<()> {
    let params = PatchParams::apply(FIELD_MANAGER).validation_strict();
    api(client, manifest)
        .patch(manifest.name(), &params, &Patch::Apply(&manifest.object))
        .await
        .map_err(|error| match error {
            // What kube prints of it has the whole answer in Rust's words behind it.
            kube::Error::Api(status) => anyhow!("{}", status.message),
            other => other.into(),
        })
        .with_context(|| format!("applying {} of {}", manifest.title(), manifest.file))?;
    Ok(())
}
