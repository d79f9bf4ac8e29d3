//! The planner alone.

use std::time::{Duration, Instant};

use anyhow::ensure;
use logto_hasura::{
    api::{HasuraInstance, HasuraRoleBinding, binding::RoleType},
    domain::{
        adoption::Adoption,
        desired::Binding,
        observed::{Observed, Resource, Role, Scope},
        ownership::Owner,
        plan::plan_binding,
    },
};

use crate::bed;

/// How long it is measured.
const ENOUGH: Duration = Duration::from_millis(500);

/// Plans a second on one core, when all is as it should be.
pub fn per_second(bindings: usize) -> anyhow::Result<f64> {
    let owner = Owner::new("a1b2c3d4")?;
    let mut observed = Observed::default();
    let mut all = Vec::new();
    for number in 0..bindings {
        let (instance, ..) = bed::names(number);
        let instance: HasuraInstance = serde_json::from_value(bed::instance(instance))?;
        let binding: HasuraRoleBinding =
            serde_json::from_value(bed::binding(number, bed::names(number).0))?;
        let name = format!("binding-{number:05}");
        let desired = Binding::new(&owner, bed::NAMESPACE, &name, &binding, &instance)?;
        make(&mut observed, &desired, number);
        all.push(desired);
    }
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < ENOUGH {
        for desired in &all {
            let steps = plan_binding(desired, &owner, &observed, Adoption::NEVER);
            ensure!(steps.is_ok_and(|steps| steps.is_empty()), "a plan is empty");
            count += 1;
        }
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}

fn make(observed: &mut Observed, desired: &Binding, number: usize) {
    let described = desired.marks.created.put("Reads things");
    let resources = &mut observed.resources;
    let resource = resources
        .entry(desired.indicator.clone())
        .or_insert_with(|| Resource {
            id: desired.indicator.clone(),
            name: "Shop".to_owned(),
            access_token_ttl: 3600,
            scopes: Default::default(),
        });
    let scope = Scope {
        id: format!("scope-{number}"),
        description: described.clone(),
    };
    resource.scopes.insert(desired.scope_name.clone(), scope);
    let role = Role {
        id: format!("role-{number}"),
        description: described,
        type_: RoleType::User,
        is_default: false,
        scopes: Some([format!("scope-{number}")].into()),
    };
    observed.roles.insert(desired.role_name.clone(), role);
}
