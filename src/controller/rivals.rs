//! Who else asks for what an object asks for, read off the stores.

use std::sync::Arc;

use kube::ResourceExt;

use super::{
    context::{created, deleting, key},
    index::Word,
    stores::{Stores, instance_key, tenant_key},
};
use crate::{
    api::{HasuraInstance, HasuraRoleBinding, conditions::reasons},
    controller::status::Verdict,
    domain::{
        desired::role_name,
        observed::Observed,
        ownership::Owner,
        precedence::{Claim, Claimant, Key, Lost, losers},
    },
};

/// What an instance lost to another, if anything.
pub fn instance_lost(stores: &Stores, instance: &HasuraInstance) -> Option<Lost> {
    let tenant = tenant_key(instance);
    let rivals = stores.instances.state_filter(|rival: &HasuraInstance| {
        rival.namespace() == instance.namespace() || tenant_key(rival) == tenant
    });
    if let Some(holder) = who_is_there(&rivals, instance) {
        return Some(Lost {
            claim: Claim::Deployment(named(instance)?),
            holder: key(holder),
            holder_deleting: deleting(holder),
        });
    }
    let claimant = |rival: &Arc<HasuraInstance>| {
        let mut claimant = instance_claimant(stores, rival);
        if who_is_there(&rivals, rival).is_some() {
            let is_other = |claim: &Claim| !matches!(claim, Claim::Deployment(_));
            claimant.claims.retain(is_other);
        }
        claimant
    };
    losers(rivals.iter().map(claimant).collect()).remove(&key(instance))
}

/// The instance that has its settings on the Deployment which another one comes to name after a different one. It goes
/// before, however old the other is: a slip in a name takes no Hasura from anybody.
fn who_is_there<'a>(
    rivals: &'a [Arc<HasuraInstance>],
    comes: &HasuraInstance,
) -> Option<&'a HasuraInstance> {
    let wanted = named(comes)?;
    written(comes).filter(|from| *from != wanted)?;
    let is_there = |rival: &&HasuraInstance| {
        named(rival).as_ref() == Some(&wanted) && written(rival).as_ref() == Some(&wanted)
    };
    rivals.iter().map(|rival| &**rival).find(is_there)
}

/// The Deployment that an instance names.
fn named(instance: &HasuraInstance) -> Option<Key> {
    Some(Key {
        namespace: instance.namespace().unwrap_or_default(),
        name: instance.spec.deployment_ref.as_ref()?.name.clone(),
    })
}

/// The Deployment that has an instance's settings, as far as its status tells.
fn written(instance: &HasuraInstance) -> Option<Key> {
    Some(Key {
        namespace: instance.namespace().unwrap_or_default(),
        name: instance
            .status
            .as_ref()?
            .deployment
            .as_ref()?
            .name
            .clone()?,
    })
}

fn instance_claimant(stores: &Stores, instance: &HasuraInstance) -> Claimant {
    let tenant = tenant_key(instance);
    let mut claims = Vec::new();
    // Of a tenant that it may not use it can keep nothing from others.
    if stores.is_of_its_tenant(instance) {
        let indicator = instance.spec.api_resource.indicator.clone();
        claims.push(Claim::Indicator(tenant.clone(), indicator));
        if instance.spec.logto_role_name_prefix.is_empty() {
            claims.push(Claim::EmptyPrefix(tenant));
        }
    }
    // Not those that it named before: what it has not left yet goes to whoever names it now.
    claims.extend(named(instance).map(Claim::Deployment));
    Claimant {
        key: key(instance),
        native: true,
        marked: false,
        proved: true,
        created: created(instance),
        established: instance
            .status
            .as_ref()
            .is_some_and(|status| status.api_resource.is_some()),
        deleting: deleting(instance),
        claims,
    }
}

/// What a binding lost to another, if anything. `observed` says whose mark is on what they ask for.
pub fn binding_lost(
    stores: &Stores,
    owner: &Owner,
    binding: &Arc<HasuraRoleBinding>,
    instance: &Arc<HasuraInstance>,
    observed: &Observed,
) -> Option<Lost> {
    let instances = stores.instances_of(&tenant_key(instance));
    // Rivals, and rivals of rivals: one that lost to a third holds nothing that this one would have to yield to.
    let mut involved = vec![(Arc::clone(instance), Arc::clone(binding))];
    let mut next = 0;
    while let Some((instance, binding)) = involved.get(next).cloned() {
        for rival in asking_alike(stores, &instances, &instance, &binding) {
            if !involved
                .iter()
                .any(|(_, known)| key(&**known) == key(&*rival.1))
            {
                involved.push(rival);
            }
        }
        next += 1;
    }
    if involved.len() == 1 {
        return None;
    }
    let claimant = |(instance, binding): &(Arc<HasuraInstance>, Arc<HasuraRoleBinding>)| {
        binding_claimant(
            binding,
            instance,
            bears_mark(binding, instance, owner, observed),
        )
    };
    losers(involved.iter().map(claimant).collect()).remove(&key(&**binding))
}

/// The bindings of these instances that share a claim with a binding, itself among them.
fn asking_alike(
    stores: &Stores,
    instances: &[Arc<HasuraInstance>],
    instance: &HasuraInstance,
    binding: &HasuraRoleBinding,
) -> Vec<(Arc<HasuraInstance>, Arc<HasuraRoleBinding>)> {
    let pair = |other: Arc<HasuraRoleBinding>| {
        let named = instance_key(&other);
        let its_instance = instances
            .iter()
            .find(|instance| key(&***instance) == named)?;
        let takes_it = asks_alike((instance, binding), (its_instance, &other))
            && stores.is_of_its_instance(its_instance, &other);
        takes_it.then(|| (Arc::clone(its_instance), other))
    };
    let found = may_ask_alike(stores, instances, instance, binding);
    found.into_iter().filter_map(pair).collect()
}

/// The bindings that may share a claim with one of an instance, when these are the instances of its tenant.
pub fn may_ask_alike(
    stores: &Stores,
    instances: &[Arc<HasuraInstance>],
    instance: &HasuraInstance,
    binding: &HasuraRoleBinding,
) -> Vec<Arc<HasuraRoleBinding>> {
    let (own, spec) = (key(instance), &binding.spec);
    let role = role_name(binding, &instance.spec);
    let mut found = stores.bindings_saying(Word::HasuraRole(&own, &spec.hasura_role));
    found.extend(stores.bindings_saying(Word::Scope(&own, &spec.scope.name)));
    found.extend(stores.bindings_saying(Word::RoleName(&role)));
    for other in instances {
        if let Some(rest) = role.strip_prefix(&other.spec.logto_role_name_prefix) {
            found.extend(stores.bindings_saying(Word::HasuraRole(&key(&**other), rest)));
        }
    }
    found
}

/// Whether two bindings of a tenant share a claim, told without making the claims.
fn asks_alike(
    a: (&HasuraInstance, &HasuraRoleBinding),
    b: (&HasuraInstance, &HasuraRoleBinding),
) -> bool {
    let same_instance = key(a.0) == key(b.0);
    let (a_spec, b_spec) = (&a.1.spec, &b.1.spec);
    let in_instance =
        a_spec.hasura_role == b_spec.hasura_role || a_spec.scope.name == b_spec.scope.name;
    (same_instance && in_instance) || role_name_bytes(a).eq(role_name_bytes(b))
}

fn role_name_bytes<'a>(
    (instance, binding): (&'a HasuraInstance, &'a HasuraRoleBinding),
) -> impl Iterator<Item = u8> + 'a {
    let (prefix, name) = match &binding.spec.logto_role.name {
        Some(name) => ("", name),
        None => (
            instance.spec.logto_role_name_prefix.as_str(),
            &binding.spec.hasura_role,
        ),
    };
    prefix.bytes().chain(name.bytes())
}

/// The live binding of the same instance, namespace and Hasura role that takes over what a binding leaves. With another
/// Hasura role, whoever holds the role would come to hold that one.
pub fn successor(
    stores: &Stores,
    binding: &HasuraRoleBinding,
    instance: &HasuraInstance,
) -> Option<Arc<HasuraRoleBinding>> {
    let role = role_name(binding, &instance.spec);
    let takes_over = |rival: &HasuraRoleBinding| {
        !deleting(rival)
            && rival.namespace() == binding.namespace()
            && rival.spec.hasura_role == binding.spec.hasura_role
            && rival.spec.logto_role.type_ == binding.spec.logto_role.type_
            && role_name(rival, &instance.spec) == role
    };
    let mut rivals = stores.bindings_of(instance);
    rivals.retain(|rival| takes_over(rival));
    rivals
        .into_iter()
        .min_by_key(|rival| (created(&**rival), key(&**rival)))
}

fn binding_claimant(
    binding: &HasuraRoleBinding,
    instance: &HasuraInstance,
    marked: bool,
) -> Claimant {
    Claimant {
        key: key(binding),
        native: binding.namespace() == instance.namespace(),
        marked,
        proved: true,
        created: created(binding),
        established: binding
            .status
            .as_ref()
            .is_some_and(|status| status.role.is_some()),
        deleting: deleting(binding),
        claims: vec![
            Claim::HasuraRole(key(instance), binding.spec.hasura_role.clone()),
            Claim::Scope(key(instance), binding.spec.scope.name.clone()),
            Claim::Role(tenant_key(instance), role_name(binding, &instance.spec)),
        ],
    }
}

fn bears_mark(
    binding: &HasuraRoleBinding,
    instance: &HasuraInstance,
    owner: &Owner,
    observed: &Observed,
) -> bool {
    let marks = owner.marks(
        &binding.namespace().unwrap_or_default(),
        &binding.name_any(),
        &binding.spec,
    );
    let role = observed.roles.get(&role_name(binding, &instance.spec));
    let resource = observed
        .resources
        .get(&instance.spec.api_resource.indicator);
    let scope = resource.and_then(|resource| resource.scopes.get(&binding.spec.scope.name));
    role.is_some_and(|role| role.origin(&marks).is_some())
        || scope.is_some_and(|scope| scope.origin(&marks).is_some())
}

/// What a loss comes to, for an object of `namespace`: who holds it in another namespace is not named.
pub fn verdict(lost: &Lost, namespace: &str) -> Verdict {
    let holder = if lost.holder.namespace == namespace {
        lost.holder.name.as_str()
    } else {
        "of another namespace"
    };
    let (reason, what) = match &lost.claim {
        Claim::Tenant(_, tenant) => (
            reasons::TENANT_TAKEN,
            format!("another LogtoTenant ({holder}) stands for the tenant {tenant:?} already"),
        ),
        Claim::Indicator(_, indicator) => (
            reasons::INDICATOR_TAKEN,
            format!("HasuraInstance {holder} has the indicator {indicator:?}"),
        ),
        Claim::Deployment(deployment) => (
            reasons::DEPLOYMENT_TAKEN,
            format!(
                "HasuraInstance {holder} has the Deployment {:?}",
                deployment.name
            ),
        ),
        Claim::EmptyPrefix(_) => (
            reasons::PREFIX_TAKEN,
            format!(
                "HasuraInstance {holder} of the same tenant has an empty spec.logtoRoleNamePrefix; give this one a prefix"
            ),
        ),
        Claim::WholeTenant(tenant) => (
            reasons::TENANT_SHARED,
            format!(
                "HasuraInstance {holder} uses LogtoTenant {:?} too, and in mode Webhook, which one of the two asks for, every \
                 role of a tenant works by its name alone",
                tenant.name
            ),
        ),
        Claim::HasuraRole(_, role) => (
            reasons::HASURA_ROLE_TAKEN,
            format!("HasuraRoleBinding {holder} binds the Hasura role {role:?}"),
        ),
        Claim::Scope(_, scope) => (
            reasons::SCOPE_TAKEN,
            format!("HasuraRoleBinding {holder} has the scope {scope:?}"),
        ),
        Claim::Role(_, role) => (
            reasons::ROLE_TAKEN,
            format!("HasuraRoleBinding {holder} has the role {role:?}"),
        ),
    };
    if lost.holder_deleting {
        return Verdict::Waiting(
            reasons::WAITING_FOR_RELEASE,
            format!("{what} and is being deleted; this one is next"),
        );
    }
    // A binding of the instance's namespace goes before, but takes nothing over from another one.
    let in_the_way = match &lost.claim {
        Claim::HasuraRole(..) | Claim::Scope(..) | Claim::Role(..)
            if lost.holder.namespace != namespace =>
        {
            ". What was made in Logto for this one, if anything, is in the other's way until this one is deleted"
        }
        _ => "",
    };
    Verdict::Stalled(
        reason,
        format!("{what}; delete one of the two, or make it ask for something else{in_the_way}"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn instance(name: &str, deployment: &str, written: Option<&str>) -> Arc<HasuraInstance> {
        let written = written.map(|name| {
            json!({"deployment": {"name": name, "uid": "1", "authHash": "h", "rolledOut": true}})
        });
        let object = json!({
            "apiVersion": "logto-hasura.dev/v1alpha1", "kind": "HasuraInstance",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {
                "tenantRef": {"name": "main"},
                "apiResource": {"indicator": "https://shop.example.com/", "name": "Shop"},
                "deploymentRef": {"name": deployment},
            },
            "status": written,
        });
        Arc::new(serde_json::from_value(object).unwrap())
    }

    fn there(comes: &Arc<HasuraInstance>, other: &Arc<HasuraInstance>) -> bool {
        who_is_there(&[Arc::clone(comes), Arc::clone(other)], comes).is_some()
    }

    #[test]
    fn who_comes_to_name_a_deployment_yields_to_the_one_that_is_there_and_to_nobody_else() {
        let comes = instance("a", "x", Some("y"));
        assert!(there(&comes, &instance("b", "x", Some("x"))));
        // One that comes too, one that never came, and one that leaves it, as at a swap.
        assert!(!there(&comes, &instance("b", "x", Some("z"))));
        assert!(!there(&comes, &instance("b", "x", None)));
        assert!(!there(&comes, &instance("b", "y", Some("x"))));
        // Of those that do not come from elsewhere the usual order says who has it.
        let holds = instance("b", "x", Some("x"));
        assert!(!there(&instance("a", "x", Some("x")), &holds));
        assert!(!there(&instance("a", "x", None), &holds));
    }
}
