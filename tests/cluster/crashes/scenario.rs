//! What happens in each run: all is made, people are given roles by hand, one binding changes, one goes, the instance goes.

use anyhow::{Context, anyhow};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Secret};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::{Value, json};

use super::Run;

/// The bindings, each with a role of its own.
const BINDINGS: [&str; 3] = ["reader", "writer", "owner"];

impl Run {
    /// What an owner's roles and indicator begin with, so that two owners have different ones.
    fn indicator(&self) -> String {
        format!("https://{}.example.com/graphql", self.owner)
    }

    fn binding(&self, name: &str) -> Value {
        let mut binding = self.world.binding(
            name,
            &format!("{}:{name}", self.owner),
            &format!("{name}:all"),
        );
        binding["spec"]["logtoRole"]["name"] = json!(self.role(name));
        binding
    }

    fn role(&self, name: &str) -> String {
        format!("{}-{name}", self.owner)
    }

    /// Gives a role to somebody, as an administrator does in Logto's console.
    fn give(&self, name: &str, username: &str) -> anyhow::Result<()> {
        let logto = self.world.logto.tenant();
        let role = logto.role_by_name(&self.role(name)).context("a role")?;
        let user = logto
            .create_user(&format!("{username}_{}", self.owner))
            .map_err(|error| anyhow!("{error:?}"))?;
        let given = logto.assign_role(&user, &role.id);
        given.map_err(|error| anyhow!("{error:?}"))
    }

    async fn apply_all(&self) -> anyhow::Result<()> {
        let world = &self.world;
        let mut secret = world.secret();
        secret["stringData"]["endpoint"] = json!(self.logto.url());
        world.apply::<Secret>(secret).await?;
        let mut deployment = world.deployment();
        deployment["spec"]["replicas"] = json!(1);
        world.apply::<Deployment>(deployment).await?;
        world.apply::<LogtoTenant>(world.tenant()).await?;
        let mut instance = world.instance();
        instance["spec"]["apiResource"]["indicator"] = json!(self.indicator());
        instance["spec"]["deletionPolicy"] = json!("Delete");
        world.apply::<HasuraInstance>(instance).await?;
        for name in BINDINGS {
            world.apply::<HasuraRoleBinding>(self.binding(name)).await?;
        }
        Ok(())
    }
}

pub async fn play(run: &Run) -> anyhow::Result<()> {
    let world = &run.world;
    run.apply_all().await?;
    world.ready::<HasuraInstance>("shop").await?;
    for name in BINDINGS {
        world.ready::<HasuraRoleBinding>(name).await?;
    }
    run.give("reader", "alice")?;
    run.give("writer", "bob")?;

    let change = json!({"spec": {"scope": {"name": "reader:some"}, "logtoRole": {"description": "Reads some"}}});
    world.edit::<HasuraRoleBinding>("reader", change).await?;
    world.ready::<HasuraRoleBinding>("reader").await?;

    // Bob holds the role, so it stays, without the scope; nobody holds the other one.
    world.delete::<HasuraRoleBinding>("writer").await?;
    world.gone::<HasuraRoleBinding>("writer").await?;
    world.delete::<HasuraRoleBinding>("owner").await?;
    world.gone::<HasuraRoleBinding>("owner").await?;

    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    world
        .waiting::<HasuraRoleBinding>("reader", "InstanceNotFound")
        .await?;
    Ok(())
}
