//! `logto-hasura release-finalizers`, as somebody runs it who uninstalls without an operator.

use std::{fs::File, io::Write, process::Stdio, sync::Arc};

use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use logto_hasura::api::{FINALIZER, HasuraInstance, HasuraRoleBinding, LogtoTenant};
use nix::pty::openpty;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![
        deletions_that_hang_without_an_operator_end_and_logto_is_left_as_it_is,
        what_is_left_in_logto_is_listed_with_its_ids_and_a_dry_run_writes_nothing,
        finalizers_of_others_stay,
        with_only_deleting_the_other_objects_keep_the_finalizer,
        nothing_is_written_while_an_operator_renews_its_lease_and_all_once_it_was_killed,
        an_operator_that_holds_no_lease_is_said_to_have_put_the_finalizer_back,
        a_secret_that_hasura_needs_stays_when_its_instance_is_released,
        without_a_terminal_nothing_is_written_unless_told_so,
        on_a_terminal_it_asks,
    ]
}

/// How the program ended: whether well, and all that it printed.
struct Ended {
    well: bool,
    said: String,
}

impl World {
    fn release_finalizers(&self, flags: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_logto-hasura"));
        command
            .args(["release-finalizers", "--namespace", &self.namespace])
            // Operators of other tests hold Leases elsewhere.
            .args(["--lease-namespace", &self.namespace])
            .args(flags)
            .env("KUBECONFIG", &self.cluster.kubeconfig)
            .kill_on_drop(true);
        command
    }

    async fn run_release(&self, flags: &[&str]) -> anyhow::Result<Ended> {
        let mut command = self.release_finalizers(flags);
        let output = command.stdin(Stdio::null()).output().await?;
        let said = [output.stdout, output.stderr].concat();
        Ok(Ended {
            well: output.status.success(),
            said: String::from_utf8(said)?,
        })
    }

    /// The example, converged, and then without an operator.
    async fn abandoned(&self) -> anyhow::Result<()> {
        self.start_operator(&[])?;
        self.example_is_ready().await?;
        self.ready::<LogtoTenant>("main").await?;
        self.stop_operator().await
    }

    async fn delete_example(&self) -> anyhow::Result<()> {
        self.delete::<HasuraRoleBinding>("user-reader").await?;
        self.delete::<HasuraRoleBinding>("user-maintainer").await?;
        self.delete::<HasuraInstance>("shop").await?;
        self.delete::<LogtoTenant>("main").await
    }

    async fn example_is_gone(&self) -> anyhow::Result<()> {
        self.gone::<HasuraRoleBinding>("user-reader").await?;
        self.gone::<HasuraRoleBinding>("user-maintainer").await?;
        self.gone::<HasuraInstance>("shop").await?;
        self.gone::<LogtoTenant>("main").await
    }

    async fn finalizers(&self, binding: &str) -> anyhow::Result<Vec<String>> {
        let binding: HasuraRoleBinding = self.get(binding).await?;
        Ok(binding.finalizers().to_vec())
    }
}

async fn deletions_that_hang_without_an_operator_end_and_logto_is_left_as_it_is(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.abandoned().await?;
    world.delete_example().await?;
    let env = world.env("hasura", "HASURA_GRAPHQL_JWT_SECRET").await?;
    ensure!(env.is_some());
    let (made, requests) = (world.made(), world.logto.requests().len());
    ensure!(
        world.finalizers("user-reader").await? == [FINALIZER],
        "it does not hang"
    );
    let ended = world.run_release(&["--yes"]).await?;
    ensure!(ended.well, "{}", ended.said);
    world.example_is_gone().await?;
    ensure!(world.made() == made && made == (1, 2, 2), "{made:?}");
    ensure!(world.logto.requests().len() == requests, "Logto was asked");
    let after = world.env("hasura", "HASURA_GRAPHQL_JWT_SECRET").await?;
    ensure!(after == env, "Hasura's settings changed");
    let again = world.run_release(&["--yes"]).await?;
    ensure!(
        again.well && again.said.contains("No object"),
        "{}",
        again.said
    );
    Ok(())
}

async fn what_is_left_in_logto_is_listed_with_its_ids_and_a_dry_run_writes_nothing(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.abandoned().await?;
    world.delete::<HasuraRoleBinding>("user-reader").await?;
    let before = world.fingerprint().await?;
    let ended = world.run_release(&["--dry-run"]).await?;
    ensure!(ended.well, "{}", ended.said);
    ensure!(world.fingerprint().await? == before, "{}", ended.said);
    let binding: HasuraRoleBinding = world.get("user-reader").await?;
    let status = binding.status.context("a status")?;
    let (role, scope) = (
        status.role.context("a role")?,
        status.scope.context("a scope")?,
    );
    let logto = world.logto.tenant();
    ensure!(logto.role_by_name("user:reader").context("the role")?.id == role.id);
    let namespace = &world.namespace;
    for expected in [
        format!("Objects that hold the finalizer {FINALIZER}: 4."),
        format!("HasuraRoleBinding {namespace}/user-reader (being deleted)\n"),
        format!("HasuraRoleBinding {namespace}/user-maintainer\n"),
        format!(
            "role \"user:reader\" (id {:?}), made by the operator\n",
            role.id
        ),
        format!(
            "scope \"read:user\" (id {:?} of the API resource {:?})",
            scope.id, scope.resource_id
        ),
        format!(
            "HasuraInstance {namespace}/shop\n  API resource \"https://shop.example.com/v1/graphql\""
        ),
        "Hasura's settings on Deployment \"hasura\"\n".to_owned(),
        format!("LogtoTenant {namespace}/main\n  Custom JWT script of tenant \"default\""),
    ] {
        ensure!(
            ended.said.contains(&expected),
            "no {expected:?} in {}",
            ended.said
        );
    }
    world.run_release(&["--yes"]).await?;
    Ok(())
}

async fn finalizers_of_others_stay(world: Arc<World>) -> anyhow::Result<()> {
    world.abandoned().await?;
    let both = ["example.com/first", FINALIZER, "example.com/last"];
    let three = json!({"metadata": {"finalizers": both}});
    world
        .edit::<HasuraRoleBinding>("user-reader", three)
        .await?;
    world.delete::<HasuraRoleBinding>("user-reader").await?;
    let ended = world.run_release(&["--yes"]).await?;
    ensure!(ended.well, "{}", ended.said);
    let left = world.finalizers("user-reader").await?;
    ensure!(
        left == ["example.com/first", "example.com/last"],
        "{left:?}"
    );
    let none = json!({"metadata": {"finalizers": []}});
    world.edit::<HasuraRoleBinding>("user-reader", none).await?;
    world.gone::<HasuraRoleBinding>("user-reader").await
}

async fn with_only_deleting_the_other_objects_keep_the_finalizer(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.abandoned().await?;
    world.delete::<HasuraRoleBinding>("user-reader").await?;
    let ended = world.run_release(&["--yes", "--only-deleting"]).await?;
    ensure!(ended.well, "{}", ended.said);
    world.gone::<HasuraRoleBinding>("user-reader").await?;
    ensure!(world.finalizers("user-maintainer").await? == [FINALIZER]);
    let ended = world.run_release(&["--yes"]).await?;
    ensure!(ended.well, "{}", ended.said);
    ensure!(world.finalizers("user-maintainer").await?.is_empty());
    Ok(())
}

async fn nothing_is_written_while_an_operator_renews_its_lease_and_all_once_it_was_killed(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let flags = ["--leader-elect", "--lease-namespace", &world.namespace];
    let url = world.cluster.control_plane.url();
    let operator = world.start_replica("leader", url, &flags)?;
    world.example_is_ready().await?;
    world.quiet().await?;
    let before = world.fingerprint().await?;
    let ended = world.run_release(&["--yes"]).await?;
    ensure!(!ended.well, "{}", ended.said);
    ensure!(
        ended.said.contains("an operator runs: \"leader_"),
        "{}",
        ended.said
    );
    ensure!(world.fingerprint().await? == before, "{}", ended.said);

    // It leaves the lease as if it held it.
    operator.kill().await?;
    let ended = world.run_release(&["--yes"]).await?;
    ensure!(ended.well, "{}", ended.said);
    world.delete_example().await?;
    world.example_is_gone().await
}

async fn an_operator_that_holds_no_lease_is_said_to_have_put_the_finalizer_back(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.example_is_ready().await?;
    let ended = world.run_release(&["--yes"]).await?;
    ensure!(!ended.well, "{}", ended.said);
    ensure!(
        ended.said.contains("the finalizer is back on 4 of them"),
        "{}",
        ended.said
    );
    Ok(())
}

/// An instance whose settings are a Secret, for a Hasura outside the cluster.
fn elsewhere(world: &World) -> Value {
    let mut instance = world.instance();
    let spec = instance["spec"].as_object_mut().unwrap();
    spec.remove("deploymentRef");
    spec.insert("delivery".to_owned(), json!({"mode": "Secret"}));
    instance
}

async fn a_secret_that_hasura_needs_stays_when_its_instance_is_released(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply::<Secret>(world.secret()).await?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    world.apply::<HasuraInstance>(elsewhere(&world)).await?;
    // Its scope proves later that the API resource was the operator's.
    let binding = world.binding("user-reader", "user:reader", "read:user");
    world.apply::<HasuraRoleBinding>(binding).await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    let owned: Secret = world.get("shop-auth").await?;
    ensure!(owned.owner_references().len() == 1);
    world.stop_operator().await?;
    world.delete::<HasuraInstance>("shop").await?;
    let ended = world.run_release(&["--yes"]).await?;
    ensure!(ended.well, "{}", ended.said);
    ensure!(
        ended.said.contains("Secret \"shop-auth\" stays"),
        "{}",
        ended.said
    );
    world.gone::<HasuraInstance>("shop").await?;
    let left: Secret = world.get("shop-auth").await?;
    ensure!(
        left.owner_references().is_empty() && left.data == owned.data,
        "{left:?}"
    );

    // An instance of that name takes it back.
    world.apply::<HasuraInstance>(elsewhere(&world)).await?;
    world.start_operator(&[])?;
    world.ready::<HasuraInstance>("shop").await?;
    let back: Secret = world.get("shop-auth").await?;
    ensure!(
        back.uid() == owned.uid() && back.owner_references().len() == 1,
        "{back:?}"
    );
    Ok(())
}

async fn without_a_terminal_nothing_is_written_unless_told_so(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.abandoned().await?;
    let before = world.fingerprint().await?;
    let ended = world.run_release(&[]).await?;
    ensure!(
        !ended.well && ended.said.contains("--yes"),
        "{}",
        ended.said
    );
    ensure!(world.fingerprint().await? == before, "{}", ended.said);
    world.run_release(&["--yes"]).await?;
    Ok(())
}

async fn on_a_terminal_it_asks(world: Arc<World>) -> anyhow::Result<()> {
    world.abandoned().await?;
    let before = world.fingerprint().await?;
    for (answer, agrees) in [("\n", false), ("no\n", false), ("y\n", true)] {
        let terminal = openpty(None, None)?;
        // Typed ahead; the terminal keeps it until it is read.
        File::from(terminal.master.try_clone()?).write_all(answer.as_bytes())?;
        let mut command = world.release_finalizers(&[]);
        let output = command.stdin(terminal.slave).output().await?;
        let said = String::from_utf8(output.stderr)?;
        ensure!(
            said.contains("the finalizer off all of them? [y/N]"),
            "{said}"
        );
        ensure!(output.status.success() == agrees, "{answer:?}: {said}");
        ensure!(
            (world.fingerprint().await? != before) == agrees,
            "{answer:?}"
        );
    }
    ensure!(world.finalizers("user-reader").await?.is_empty());
    Ok(())
}
