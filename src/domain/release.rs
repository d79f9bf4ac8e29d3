//! The steps that take away what a binding made, when the binding goes.

use super::{
    observed::{Observed, Role},
    ownership::{self, Mark},
    plan::{Step, fit},
};

/// What a binding that is being deleted left in Logto.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The binding's mark.
    pub mark: Mark,
    /// The API resource that its scope belongs to.
    pub indicator: String,
    /// The scope's name.
    pub scope_name: String,
    /// The role's name.
    pub role_name: String,
    /// The mark of the binding that takes the objects over, of the same instance and namespace.
    pub successor: Option<Mark>,
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
            .our_role(&self.role_name, &self.mark, resource)
            .map(|found| (found.name, found.object))
    }

    /// The steps. What does not bear the binding's mark is left alone; a role that somebody holds stays, marked, without
    /// the scope and no longer given to new users.
    pub fn plan(&self, holders: Holders, observed: &Observed) -> Vec<Step> {
        match &self.successor {
            Some(successor) => self.hand_over(successor, observed),
            None => self.take_away(holders, observed),
        }
    }

    fn hand_over(&self, successor: &Mark, observed: &Observed) -> Vec<Step> {
        let resource = observed.resources.get(&self.indicator);
        let role = self.role(observed);
        let scope = resource.and_then(|resource| {
            resource.our_scope(&self.scope_name, &self.mark, role.map(|(_, role)| role))
        });
        let mut steps = Vec::new();
        if let Some(scope) = scope {
            steps.push(Step::UpdateScope {
                indicator: self.indicator.clone(),
                id: scope.object.id.clone(),
                name: None,
                description: Some(successor.put(ownership::split(&scope.object.description).0)),
            });
        }
        if let Some((_, role)) = role {
            steps.push(Step::UpdateRole {
                id: role.id.clone(),
                name: None,
                description: Some(fit(successor, ownership::split(&role.description).0)),
                is_default: None,
            });
        }
        steps
    }

    fn take_away(&self, holders: Holders, observed: &Observed) -> Vec<Step> {
        let resource = observed.resources.get(&self.indicator);
        let role = self.role(observed).map(|(_, role)| role);
        let scope =
            resource.and_then(|resource| resource.our_scope(&self.scope_name, &self.mark, role));
        let mut steps = Vec::new();
        // The role goes first: an edited description is proved ours by the scope that it holds.
        match (role, holders) {
            (Some(role), Holders::Nobody) => steps.push(Step::DeleteRole {
                id: role.id.clone(),
            }),
            (Some(role), Holders::Somebody) => {
                let name = self.name_that_grants_nothing(observed);
                if name.is_some() || role.is_default {
                    steps.push(Step::UpdateRole {
                        id: role.id.clone(),
                        name,
                        description: None,
                        is_default: role.is_default.then_some(false),
                    });
                }
            }
            (None, _) => {}
        }
        if let Some(scope) = scope {
            // Logto takes a deleted scope from every role.
            steps.push(Step::DeleteScope {
                indicator: self.indicator.clone(),
                id: scope.object.id.clone(),
            });
        }
        steps
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
