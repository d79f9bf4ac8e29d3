//! A shell in which the pages' commands run: their programs are stand-ins that call the real ones, with what has to be
//! different here.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, ensure};
use control_plane::{
    programs::{self, Sources},
    progress,
};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Namespace};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use pages::{Block, Page};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::world::World;

/// The release of the pages, which is also its namespace.
const RELEASE: &str = "logto-hasura";

/// Commands that can not work here; only their flags are looked at. Each has to stand in a page.
const LEFT_OUT: [(&str, &str); 8] = [
    (
        "kubectl port-forward",
        "pods here have no network of their own",
    ),
    ("kubectl debug", "pods here have no containers"),
    ("curl -s localhost:8080/metrics", "nothing is forwarded"),
    ("kubectl logs", "pods here have no node that keeps logs"),
    (
        "kubectl apply -f examples/argocd/",
        "no Argo CD is installed",
    ),
    ("kubectl apply -f examples/flux/", "no Flux is installed"),
    ("kubectl get kustomizations", "no Flux is installed"),
    (
        "kubectl apply --server-side -k overlay",
        "the overlay is the reader's",
    ),
];

/// Programs that are run as they are.
const AS_THEY_ARE: [&str; 4] = ["bash", "cat", "date", "jq"];

/// Folders of the project that no command of a page reads.
const UNREAD: [&str; 5] = ["benches", "dist", "src", "target", "tests"];

/// Whether commands do what they say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Real,
    /// kubectl and helm write nothing.
    DryRun,
}

pub struct Shell {
    /// Holds `bin/`, the stand-ins; `project/`, what commands find in the project's folder; and what they leave behind.
    folder: PathBuf,
    words: Vec<(String, String)>,
    environment: Vec<(String, String)>,
}

impl Shell {
    pub async fn new(world: &World) -> anyhow::Result<Self> {
        let sources = Sources::from_env()?;
        let kubectl = programs::find_kubectl(&sources, &progress::to_stderr).await?;
        let helm = programs::find_helm(&sources, &progress::to_stderr).await?;
        let client = world.logto.tenant().create_application("getting-started")?;
        let secret = world.logto.tenant().secrets(&client.id);
        let secret = &secret.first().context("a secret of the application")?.value;
        let endpoint = world.logto.endpoint();
        let words = [
            ("https://logto.example.com", endpoint.as_str()),
            ("replace-with-the-second-app-id", client.id.as_str()),
            ("replace-with-the-second-app-secret", secret),
            ("replace-with-the-app-id", world.logto.client_id()),
            ("replace-with-the-app-secret", world.logto.client_secret()),
        ];
        let shell = Self {
            folder: world.folder.path().to_owned(),
            words: words
                .map(|(from, to)| (from.to_owned(), to.to_owned()))
                .into(),
            environment: vec![
                ("KUBECTL".to_owned(), text(&kubectl)),
                ("HELM".to_owned(), text(&helm)),
                (
                    "LOGTO_HASURA".to_owned(),
                    env!("CARGO_BIN_EXE_logto-hasura").to_owned(),
                ),
                ("PROJECT".to_owned(), text(&pages::root())),
                (
                    "ADDRESS".to_owned(),
                    control_plane::TEST_ADDRESS.replace('.', "\\."),
                ),
                ("CLIENT_ID".to_owned(), client.id.clone()),
                ("CLIENT_SECRET".to_owned(), secret.clone()),
                ("DATABASE_URL".to_owned(), "postgres://db/hasura".to_owned()),
                ("ADMIN_SECRET".to_owned(), "only-in-tests".to_owned()),
            ],
        };
        shell.write_kubeconfig(world)?;
        shell.write_stand_ins()?;
        shell.copy_the_project()?;
        make_what_is_taken_for_granted(world, &helm).await?;
        Ok(shell)
    }

    /// Runs blocks of a page in one shell, up to the first command that fails.
    pub async fn run(&self, page: &Page, blocks: &[Block], mode: Mode) -> anyhow::Result<()> {
        let mut script = "set -euo pipefail\n".to_owned();
        for block in blocks {
            script += &format!("at={}:{}\n", page.path.display(), block.line);
            script += &self.here(&block.text);
        }
        // What a reader has in his shell from then on.
        script += "\nif [[ -n ${TOKEN:-} ]]; then printf %s \"$TOKEN\" >\"$FOLDER/token\"; fi\n";
        script = format!("trap 'echo \"at $at\" >&2' ERR\nset -E\n{script}");
        let token = fs::read_to_string(self.folder.join("token")).unwrap_or_default();
        let output = Command::new("/bin/bash")
            .args(["-c", &script])
            .current_dir(self.folder.join("project"))
            .env_clear()
            .env("PATH", self.folder.join("bin"))
            .env("HOME", &self.folder)
            .env("FOLDER", &self.folder)
            .env("KUBECONFIG", self.folder.join("kubeconfig"))
            .env(
                "MODE",
                if mode == Mode::Real {
                    "real"
                } else {
                    "dry-run"
                },
            )
            .env("TOKEN", token)
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .context("bash, which the pages' commands are run by")?;
        let said = String::from_utf8_lossy(&output.stderr);
        let printed = String::from_utf8_lossy(&output.stdout);
        let at = blocks.first().map_or(0, |block| block.line);
        ensure!(
            output.status.success(),
            "{}:{at}: {}\n{printed}{said}",
            page.path.display(),
            output.status
        );
        Ok(())
    }

    /// Says which commands that are left out stand in no page any more.
    pub fn everything_left_out_was_met(&self) -> anyhow::Result<()> {
        let met = fs::read_to_string(self.folder.join("left-out"))?;
        for (command, why) in LEFT_OUT {
            ensure!(
                met.lines().any(|line| line.starts_with(command)),
                "{command} stands in no page any more, and is left out because {why}"
            );
        }
        Ok(())
    }

    /// A text of the project with what a reader puts in.
    fn here(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (from, to) in &self.words {
            text = text.replace(from, to);
        }
        text
    }

    /// The tests' kubeconfig, for a reader who works in the namespace `shop`.
    fn write_kubeconfig(&self, world: &World) -> anyhow::Result<()> {
        let text = fs::read_to_string(&world.cluster.kubeconfig)?;
        let mut kubeconfig: Value = serde_saphyr::from_str(&text)?;
        kubeconfig["contexts"][0]["context"]["namespace"] = json!("shop");
        fs::write(self.folder.join("kubeconfig"), kubeconfig.to_string())?;
        Ok(())
    }

    fn write_stand_ins(&self) -> anyhow::Result<()> {
        let bin = self.folder.join("bin");
        fs::create_dir(&bin)?;
        let left_out = LEFT_OUT.map(|(command, _)| command).join("\n");
        fs::write(self.folder.join("to-leave-out"), left_out + "\n")?;
        for name in ["kubectl", "helm", "logto-hasura", "curl", "make", "cargo"] {
            let path = bin.join(name);
            fs::write(&path, include_str!("stand-in.sh"))?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        }
        for name in AS_THEY_ARE {
            let places = ["/bin", "/usr/bin"].map(|place| Path::new(place).join(name));
            let program = places.iter().find(|path| path.exists());
            let program = program.with_context(|| format!("{name} has to be installed"))?;
            std::os::unix::fs::symlink(program, bin.join(name))?;
        }
        Ok(())
    }

    /// A copy of what commands read, in which placeholders are filled in. Loopback has no TLS.
    fn copy_the_project(&self) -> anyhow::Result<()> {
        for entry in fs::read_dir(pages::root())? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_dir() && !name.starts_with('.') && !UNREAD.contains(&&*name) {
                self.copy(&entry.path(), &self.folder.join("project").join(name))?;
            }
        }
        let path = self
            .folder
            .join("project/examples/quickstart/2-logto-tenant.yaml");
        let tenant = fs::read_to_string(&path)?;
        let with_http = tenant.replace(
            "  tenantId: default\n",
            "  tenantId: default\n  allowPlainHttp: true\n",
        );
        ensure!(with_http != tenant, "{tenant}");
        fs::write(path, with_http)?;
        Ok(())
    }

    fn copy(&self, from: &Path, to: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let to = to.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                self.copy(&entry.path(), &to)?;
            } else {
                fs::write(to, self.here(&fs::read_to_string(entry.path())?))?;
            }
        }
        Ok(())
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// What an installed release would have made, and another tool's namespace: an operator that no pod runs.
async fn make_what_is_taken_for_granted(world: &World, helm: &Path) -> anyhow::Result<()> {
    let namespaces = Api::<Namespace>::all(world.client.clone());
    // As if the reader had made them, so that he may apply them again.
    let params = PatchParams::apply("kubectl");
    for name in [RELEASE, "argocd"] {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        namespaces
            .patch(name, &params, &Patch::Apply(namespace))
            .await?;
    }
    let rendered = Command::new(helm)
        .args(["template", RELEASE, "charts/logto-hasura"])
        .args(["--namespace", RELEASE, "--set", "replicas=0"])
        .current_dir(pages::root())
        .output()
        .await?;
    let documents: Vec<Value> = serde_saphyr::from_multiple(&String::from_utf8(rendered.stdout)?)?;
    let deployment = documents
        .into_iter()
        .find(|document| document["kind"] == "Deployment")
        .context("the chart's Deployment")?;
    Api::<Deployment>::namespaced(world.client.clone(), RELEASE)
        .patch(RELEASE, &params, &Patch::Apply(deployment))
        .await?;
    Ok(())
}
