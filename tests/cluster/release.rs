//! The release that all operators of the suites belong to: they are its ServiceAccount, with the roles that the chart renders
//! and no others, and its admission policies judge all that they write.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, ensure};
use control_plane::{
    ControlPlane,
    programs::{self, Sources},
    progress,
};
use k8s_openapi::api::{
    authentication::v1::TokenRequest,
    authorization::v1::SubjectAccessReview,
    core::v1::{Namespace, ServiceAccount},
};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams, TypeMeta},
};
use serde_json::{Value, json};
use tokio::process::Command;

/// The chart's folder.
pub const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/logto-hasura");

/// The name of the release and of all that belongs to it.
const NAME: &str = "logto-hasura";

/// Another one than what the documentation installs, which is tried beside it.
const NAMESPACE: &str = "suite";

/// Its ServiceAccount, as the API server knows it.
pub const USER: &str = "system:serviceaccount:suite:logto-hasura";

/// All that gives the operator more rights, so that every test can use it.
const VALUES: [&str; 6] = [
    "delivery.secrets=true",
    "delivery.configMaps=true",
    r#"delivery.keys=["jwt.secret", "jwt", "jwt.key"]"#,
    "replacedScripts=true",
    // People who write in the suites are told their rights by the tests themselves.
    "aggregatedRoles.enabled=false",
    "crds.enabled=false",
];

/// Installs what the ServiceAccount is and may do; gives a kubeconfig for it.
pub async fn install(control_plane: &ControlPlane) -> anyhow::Result<PathBuf> {
    let client = control_plane.client()?;
    let namespace = json!({"metadata": {"name": NAMESPACE}});
    Api::<Namespace>::all(client.clone())
        .create(&PostParams::default(), &serde_json::from_value(namespace)?)
        .await?;
    for object in rendered(control_plane.kubeconfig()).await? {
        if is_of_the_operator(&object) {
            apply(&client, &object).await?;
        }
        if object["kind"] == "Role" {
            // Each test has its lease in its own namespace.
            for object in everywhere(&object) {
                apply(&client, &object).await?;
            }
        }
    }
    until_in_force(&client).await?;
    let kubeconfig = control_plane.folder().join("operator.kubeconfig");
    write_kubeconfig(&client, NAMESPACE, control_plane.kubeconfig(), &kubeconfig).await?;
    Ok(kubeconfig)
}

/// Writes the admin's kubeconfig with the release's ServiceAccount in a namespace as its user.
pub async fn write_kubeconfig(
    client: &Client,
    namespace: &str,
    admin: &Path,
    to: &Path,
) -> anyhow::Result<()> {
    let request = json!({"spec": {"audiences": [], "expirationSeconds": 86400}});
    let request: TokenRequest = serde_json::from_value(request)?;
    let answer = Api::<ServiceAccount>::namespaced(client.clone(), namespace)
        .create_token_request(NAME, &PostParams::default(), &request)
        .await?;
    let token = answer.status.context("a token")?.token;
    let mut kubeconfig: Value = serde_saphyr::from_str(&fs::read_to_string(admin)?)?;
    kubeconfig["users"][0]["user"] = json!({"token": token});
    // A pod is in the namespace of its account.
    kubeconfig["contexts"][0]["context"]["namespace"] = json!(namespace);
    Ok(fs::write(to, kubeconfig.to_string())?)
}

async fn rendered(kubeconfig: &Path) -> anyhow::Result<Vec<Value>> {
    let mut helm =
        Command::new(programs::find_helm(&Sources::from_env()?, &progress::to_stderr).await?);
    helm.args(["template", NAME, CHART, "--namespace", NAMESPACE]);
    for value in VALUES {
        helm.args(["--set-json", value]);
    }
    let output = helm
        .env("KUBECONFIG", kubeconfig)
        .stdin(Stdio::null())
        .output()
        .await
        .context("starting helm")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "helm: {said}");
    documents(&String::from_utf8(output.stdout)?)
}

/// The documents of a YAML text, without the empty ones.
pub fn documents(yaml: &str) -> anyhow::Result<Vec<Value>> {
    let mut all: Vec<Value> = serde_saphyr::from_multiple(yaml)?;
    all.retain(|document| !document.is_null());
    Ok(all)
}

/// Its account, roles and policies. Those that ask people are installed by the tests of them.
fn is_of_the_operator(object: &Value) -> bool {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    match object["kind"].as_str().unwrap_or_default() {
        "ServiceAccount" | "ClusterRole" | "ClusterRoleBinding" | "Role" | "RoleBinding" => true,
        "ValidatingAdmissionPolicy" | "ValidatingAdmissionPolicyBinding" => {
            [".deployments", ".finalizers", ".objects"]
                .iter()
                .any(|end| name.ends_with(end))
        }
        _ => false,
    }
}

/// The rules of a Role in all namespaces, and their binding.
fn everywhere(role: &Value) -> [Value; 2] {
    let group = "rbac.authorization.k8s.io";
    let (version, name) = (&role["apiVersion"], &role["metadata"]["name"]);
    [
        json!({"apiVersion": version, "kind": "ClusterRole", "metadata": {"name": name}, "rules": role["rules"]}),
        json!({
            "apiVersion": version, "kind": "ClusterRoleBinding", "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
        }),
    ]
}

async fn apply(client: &Client, object: &Value) -> anyhow::Result<()> {
    apply_with(client, object, &PatchParams::apply("test").force()).await
}

/// Applies an object of any kind, where it says that it is.
pub async fn apply_with(
    client: &Client,
    object: &Value,
    params: &PatchParams,
) -> anyhow::Result<()> {
    let types: TypeMeta = serde_json::from_value(object.clone())?;
    let resource = ApiResource::from_gvk(&(&types).try_into()?);
    let name = object["metadata"]["name"].as_str().context("a name")?;
    let api: Api<DynamicObject> = match object["metadata"]["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    api.patch(name, params, &Patch::Apply(object))
        .await
        .with_context(|| format!("{} {name}", types.kind))?;
    Ok(())
}

/// Waits until the authorizer knows a right of each role: a request before would be refused, which is looked for in the end.
async fn until_in_force(client: &Client) -> anyhow::Result<()> {
    let reviews: Api<SubjectAccessReview> = Api::all(client.clone());
    for right in [
        json!({"verb": "list", "group": "logto-hasura.dev", "resource": "logtotenants"}),
        json!({"verb": "get", "resource": "namespaces", "name": "kube-system"}),
        json!({"verb": "create", "group": "coordination.k8s.io", "resource": "leases", "namespace": "default"}),
    ] {
        let review = json!({"metadata": {}, "spec": {"user": USER, "resourceAttributes": right}});
        let review = serde_json::from_value(review)?;
        let allowed = async || -> anyhow::Result<bool> {
            let answer = reviews.create(&PostParams::default(), &review).await?;
            Ok(answer.status.is_some_and(|status| status.allowed))
        };
        let mut looks = 0;
        while !allowed().await? {
            looks += 1;
            ensure!(looks < 300, "the right is not in force: {right}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    Ok(())
}
