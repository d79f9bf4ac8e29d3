//! The steps that take away what a binding made, when the binding goes.

use super::{
    observed::{Observed, Resource, Role, Scope},
    ownership::{self, Marks, Owner},
    plan::{Step, fit},
    words,
};
use crate::api::{Origin, binding::DeletionPolicy, instance};

/// What a binding that is being deleted left in Logto.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The binding's marks.
    pub marks: Marks,
    /// What is to become of it.
    pub policy: DeletionPolicy,
    /// The API resource that its scope belongs to.
    pub indicator: String,
    /// The scope's name.
    pub scope_name: String,
    /// The role's name.
    pub role_name: String,
    /// The marks of the binding that takes the objects over, of the same instance and namespace.
    pub successor: Option<Marks>,
    /// Whether the role grants by its name alone, as in mode Webhook, so that one that stays needs another name.
    pub grants_by_name: bool,
}

/// What is put behind the name of a role that stays but is to grant nothing by its name. No binding can ask for such a
/// name.
const UNBOUND: &str = " (unbound";

/// Longest name of a role in Logto, in characters.
///
/// Source: logto-io/logto `packages/schemas/tables/roles.sql`.
const MAX_ROLE_NAME: usize = 128;

/// Who holds the role that may be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holders {
    /// Nobody: no user and no application, read right before.
    Nobody,
    /// Somebody, or it could not be read.
    Somebody,
}

impl Release {
    /// Id and name of the role that the steps may delete, whose holders have to be counted before.
    pub fn role<'a>(&self, observed: &'a Observed) -> Option<(&'a str, &'a Role)> {
        let resource = observed.resources.get(&self.indicator);
        observed
            .our_role(&self.role_name, &self.marks, resource)
            .map(|found| (found.name, found.object))
    }

    /// Whether the role stays in Logto, so that from the binding's own subjects it has to be taken back.
    pub fn keeps_role(&self, holders: Holders, observed: &Observed) -> bool {
        let adopted = |role: &Role| role.origin(&self.marks) != Some(Origin::Created);
        let role = self.role(observed).map(|(_, role)| role);
        match self.policy {
            DeletionPolicy::Retain => false,
            DeletionPolicy::Delete => role.is_some_and(adopted),
            DeletionPolicy::DeleteUnused => {
                role.is_some_and(|role| adopted(role) || holders == Holders::Somebody)
            }
        }
    }

    /// The steps. What does not bear the binding's mark is left alone. Of what was made for it, a role that somebody holds
    /// stays, marked, without the scope and no longer given to new users, unless the policy is Delete; of what was taken
    /// over only the mark goes.
    pub fn plan(&self, holders: Holders, observed: &Observed) -> Vec<Step> {
        match (&self.successor, self.policy) {
            (Some(successor), _) => self.hand_over(successor, observed),
            (None, DeletionPolicy::Retain) => Vec::new(),
            (None, DeletionPolicy::DeleteUnused | DeletionPolicy::Delete) => {
                self.take_away(holders, observed)
            }
        }
    }

    fn hand_over(&self, successor: &Marks, observed: &Observed) -> Vec<Step> {
        let resource = observed.resources.get(&self.indicator);
        let role = self.role(observed);
        let scope = resource.and_then(|resource| {
            resource.our_scope(&self.scope_name, &self.marks, role.map(|(_, role)| role))
        });
        let mut steps = Vec::new();
        if let Some(scope) = scope {
            steps.push(Step::UpdateScope {
                indicator: self.indicator.clone(),
                id: scope.object.id.clone(),
                name: None,
                description: Some(
                    successor
                        .of(scope.object.origin(&self.marks))
                        .put(ownership::split(&scope.object.description).0),
                ),
            });
        }
        if let Some((_, role)) = role {
            steps.push(Step::UpdateRole {
                id: role.id.clone(),
                name: None,
                description: Some(fit(
                    &successor.of_role(role.origin(&self.marks), role.added(&self.marks)),
                    ownership::split(&role.description).0,
                )),
                is_default: None,
            });
        }
        steps
    }

    fn take_away(&self, holders: Holders, observed: &Observed) -> Vec<Step> {
        let resource = observed.resources.get(&self.indicator);
        let role = self.role(observed).map(|(_, role)| role);
        let scope = resource
            .and_then(|resource| resource.our_scope(&self.scope_name, &self.marks, role))
            .map(|found| (found.name, found.object));
        // The role goes first: an edited description is proved ours by the scope that it holds.
        let mut steps = match role {
            Some(role) => self.take_role(role, scope, holders, observed),
            None => Vec::new(),
        };
        if let Some((_, scope)) = scope {
            steps.extend(self.take_scope(scope));
        }
        steps
    }

    fn take_role(
        &self,
        role: &Role,
        scope: Option<(&str, &Scope)>,
        holders: Holders,
        observed: &Observed,
    ) -> Vec<Step> {
        let is_created = role.origin(&self.marks) == Some(Origin::Created);
        if !self.keeps_role(holders, observed) {
            return vec![Step::DeleteRole {
                id: role.id.clone(),
            }];
        }
        let added = role.added(&self.marks);
        let mut steps = Vec::new();
        // A scope that was taken over stays too, so a role that was made, or given it, has to lose it by itself; before
        // the mark goes that says so.
        if let Some((name, scope)) = scope
            && (is_created || added.scope)
            && scope.origin(&self.marks) != Some(Origin::Created)
            && role.holds(&scope.id)
        {
            steps.push(Step::DetachScope {
                role: role.id.clone(),
                indicator: self.indicator.clone(),
                scope: name.to_owned(),
            });
        }
        let name = self.name_that_grants_nothing(observed);
        let change = Step::UpdateRole {
            id: role.id.clone(),
            // One that gets another name keeps the mark, by which it is found and gets its own name back.
            description: (!is_created && role.mark().is_some() && !self.grants_by_name)
                .then(|| without_mark(role, self)),
            // Where it was given to new users before it was taken over, that is not ours to end.
            is_default: ((is_created || added.default) && role.is_default).then_some(false),
            name,
        };
        let nothing = Step::UpdateRole {
            id: role.id.clone(),
            name: None,
            description: None,
            is_default: None,
        };
        steps.extend((change != nothing).then_some(change));
        steps
    }

    fn take_scope(&self, scope: &Scope) -> Option<Step> {
        let (indicator, id) = (self.indicator.clone(), scope.id.clone());
        match scope.origin(&self.marks) {
            // Logto takes a deleted scope from every role.
            Some(Origin::Created) => Some(Step::DeleteScope { indicator, id }),
            Some(_) => Some(Step::UpdateScope {
                indicator,
                id,
                name: None,
                description: Some(ownership::split(&scope.description).0.to_owned()),
            }),
            None => None,
        }
    }

    /// Another name for the role, that nobody has, where its name is what grants; none when it has one already.
    fn name_that_grants_nothing(&self, observed: &Observed) -> Option<String> {
        let (name, _) = self.role(observed).filter(|_| self.grants_by_name)?;
        if name.contains(UNBOUND) {
            return None;
        }
        let numbered = (1_usize..).map(|number| match number {
            1 => format!("{UNBOUND})"),
            number => format!("{UNBOUND} {number})"),
        });
        let names = numbered.map(|end| {
            let kept: String = name.chars().take(MAX_ROLE_NAME - end.len()).collect();
            kept + &end
        });
        // As many as there are roles can be taken, and no more.
        let mut few = names.take(observed.roles.len() + 1);
        few.find(|name| !observed.roles.contains_key(name))
    }
}

/// The description that a role had before the mark was put behind it. Logto takes no empty one.
fn without_mark(role: &Role, release: &Release) -> String {
    let text = ownership::split(&role.description).0;
    if text.is_empty() {
        release.role_name.clone()
    } else {
        text.to_owned()
    }
}

/// Why an API resource stays when its instance goes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResourceStays {
    /// The instance's policy is Retain.
    #[error("spec.deletionPolicy is Retain")]
    Retained,
    /// It was there before, or it can not be told any more who made it.
    #[error(
        "it was not made for this instance, or that can not be told any more: the instance's status has no proof of it, and no scope is in it that the operator made"
    )]
    NotCreated,
    /// It has scopes that were not made by this operator; those that it took over are not.
    #[error("scopes are in it that were not made for a HasuraRoleBinding: {}", words::listed(.0))]
    ForeignScopes(Vec<String>),
}

/// The step that deletes an instance's API resource. That it was made for the instance is what the status says as its
/// origin, which is believed only with a proof: that of the status or of this process (`is_known`), or a scope in it that
/// was made by `owner`.
///
/// # Errors
/// Why it stays.
pub fn release_resource(
    indicator: &str,
    found: &Resource,
    policy: instance::DeletionPolicy,
    origin: Option<Origin>,
    is_known: bool,
    owner: &Owner,
) -> Result<Step, ResourceStays> {
    if policy == instance::DeletionPolicy::Retain {
        return Err(ResourceStays::Retained);
    }
    let is_proved = is_known || found.has_scope_marked(|mark| mark.was_made_by(owner));
    if origin != Some(Origin::Created) || !is_proved {
        return Err(ResourceStays::NotCreated);
    }
    // Logto deletes the scopes with it, and what was taken over is never deleted.
    let is_ours = |scope: &Scope| scope.mark().is_some_and(|mark| mark.was_made_by(owner));
    let foreign: Vec<String> = found
        .scopes
        .iter()
        .filter(|(_, scope)| !is_ours(scope))
        .map(|(name, _)| words::quoted(name))
        .collect();
    if !foreign.is_empty() {
        return Err(ResourceStays::ForeignScopes(foreign));
    }
    Ok(Step::DeleteResource {
        indicator: indicator.to_owned(),
        id: found.id.clone(),
    })
}
