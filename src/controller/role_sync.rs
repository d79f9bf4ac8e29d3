//! A binding's scope and role: planned, carried out, and planned again until nothing is left to do.

use kube::runtime::events::EventType;

use super::{
    context::{Context, key},
    policy::{self, Hands},
    status::Verdict,
    stores::{Stores, tenant_key},
    visit::{Next, Outcome},
};
use crate::{
    api::{
        HasuraInstance, HasuraRoleBinding,
        binding::{RoleStatus, ScopeStatus},
        conditions::reasons,
        policy::PlannedStep,
    },
    domain::{
        adoption::{self, Adoption},
        consent::{self, Consent},
        desired::{Binding, role_name},
        observed::Observed,
        plan::{Conflict, Marked, Mend, Step, plan_binding, role_of},
        precedence::Key,
        words,
    },
    logto::{self, Session},
};

/// Plans that one visit carries out: each after the first follows something that changed under its feet.
const MOST_ROUNDS: usize = 4;

/// What a visit would do.
pub enum Foreseen {
    /// These steps.
    Steps(Vec<PlannedStep>),
    /// Nothing, since something is in the way.
    Conflict(Conflict),
    /// It could not be told.
    KeptChanging,
}

/// One visit's view.
pub struct RoleSync<'a> {
    /// What all visits share.
    pub ctx: &'a Context,
    /// Whose scope and role.
    pub binding: &'a HasuraRoleBinding,
    /// The instance that took the binding.
    pub instance: &'a HasuraInstance,
    /// What both ask for.
    pub desired: &'a Binding,
    /// The tenant's session.
    pub session: &'a Session,
}

impl RoleSync<'_> {
    /// Plans and carries out until nothing is left to do.
    ///
    /// # Errors
    /// Those of the requests; see [`RoleSync::failed`].
    pub async fn sync(&self, reread: bool) -> Result<Outcome, logto::Error> {
        let mut fresh = reread;
        if fresh {
            self.reread().await?;
        }
        let mut done = Vec::new();
        let mut scopes_are_fresh = false;
        for _ in 0..MOST_ROUNDS {
            match self.plan() {
                Err(conflict) if wants_scopes(&conflict) => self.read_scopes(&conflict).await?,
                Err(conflict) if fresh => {
                    return Ok(Outcome::stalled(
                        reason_of_conflict(&conflict),
                        conflict.to_string(),
                    ));
                }
                Err(_) => {
                    // What stands in the way may be gone since the tenant was listed.
                    self.reread().await?;
                    fresh = true;
                }
                Ok(steps) if steps.is_empty() => {
                    if !self.link_is_read().await? {
                        continue;
                    }
                    self.tell(&done).await;
                    return Ok(self.ready());
                }
                // A role is not taken over on the word of what was read before: whoever holds it would keep what it came to
                // hold since.
                Ok(steps) if !scopes_are_fresh && self.adopted_role(&steps).is_some() => {
                    if let Some(id) = self.adopted_role(&steps) {
                        self.read_link(&id).await?;
                    }
                    scopes_are_fresh = true;
                }
                Ok(steps) if !fresh && self.session.is_unsure_of(&steps) => {
                    self.reread().await?;
                    fresh = true;
                }
                Ok(steps) => {
                    if makes_role(&steps) && !fresh && self.session.roles_may_be_missing() {
                        self.session.reread_role(&self.desired.role_name).await?;
                        fresh = true;
                        continue;
                    }
                    match self.carry_out(steps, &mut done).await {
                        Err(logto::Error::Reread { .. } | logto::Error::NotFound { .. }) => {
                            self.reread().await?;
                            fresh = true;
                        }
                        result => result?,
                    }
                }
            }
        }
        let message = "what is in Logto kept changing while it was set right; it is tried again";
        Ok(Outcome::retry(reasons::PROGRESSING_WITH_RETRY, message))
    }

    /// The steps that [`RoleSync::sync`] would take, in words.
    ///
    /// # Errors
    /// Those of the requests, which only read.
    pub async fn foresee(&self, reread: bool) -> Result<Foreseen, logto::Error> {
        let mut fresh = reread;
        let mut scopes_are_fresh = false;
        if fresh {
            self.reread().await?;
        }
        for _ in 0..MOST_ROUNDS {
            match self.plan() {
                Err(conflict) if wants_scopes(&conflict) => self.read_scopes(&conflict).await?,
                Err(conflict) if fresh => return Ok(Foreseen::Conflict(conflict)),
                Err(_) => {
                    self.reread().await?;
                    fresh = true;
                }
                Ok(steps) => match (self.unread_link(), self.adopted_role(&steps)) {
                    (Some(id), _) => self.read_link(&id).await?,
                    // No resync reads the scopes of what bears no mark, and Manage reads them before it takes a role over.
                    (None, Some(id)) if !scopes_are_fresh => {
                        self.read_link(&id).await?;
                        scopes_are_fresh = true;
                    }
                    _ => {
                        let words = |observed: &Observed| {
                            steps
                                .iter()
                                .map(|step| words::planned(step, observed))
                                .collect()
                        };
                        return Ok(Foreseen::Steps(self.session.observe(words)));
                    }
                },
            }
        }
        Ok(Foreseen::KeptChanging)
    }

    fn plan(&self) -> Result<Vec<Step>, Conflict> {
        let adoption = adoption(&self.ctx.stores, self.instance, self.binding);
        let plan = self
            .session
            .observe(|observed| plan_binding(self.desired, &self.ctx.owner, observed, adoption));
        let (status, marks) = (self.binding.status.as_ref(), &self.desired.marks);
        plan.map_err(|conflict| conflict.knowing(status, marks))
    }

    async fn reread(&self) -> Result<(), logto::Error> {
        let Binding {
            indicator,
            scope_name,
            role_name,
            ..
        } = self.desired;
        self.session
            .reread_binding(indicator, scope_name, role_name)
            .await
    }

    async fn carry_out(&self, steps: Vec<Step>, done: &mut Vec<Step>) -> Result<(), logto::Error> {
        for step in steps {
            self.session.execute(&step).await?;
            done.push(step);
        }
        Ok(())
    }

    /// Whether the binding was carried out before.
    fn was_settled(&self) -> bool {
        policy::is_settled(self.binding, Hands::Manage)
    }

    /// Before Ready is said for the first time, the role is seen to hold the scope; later the resync sees to it.
    async fn link_is_read(&self) -> Result<bool, logto::Error> {
        match self.unread_link() {
            Some(id) if !self.was_settled() => {
                self.read_link(&id).await?;
                Ok(false)
            }
            _ => Ok(true),
        }
    }

    /// The id of a role without a mark that the steps put one on.
    fn adopted_role(&self, steps: &[Step]) -> Option<String> {
        let role = self.session.observe(|observed| {
            let role = observed.roles.get(&self.desired.role_name)?;
            role.mark().is_none().then(|| role.id.clone())
        })?;
        let marks = |step: &Step| matches!(step, Step::UpdateRole { id, description: Some(_), .. } if *id == role);
        steps.iter().any(marks).then_some(role)
    }

    /// The id of the role, when its scopes were not read.
    fn unread_link(&self) -> Option<String> {
        self.session.observe(|observed| {
            let role = role_of(self.desired, observed)?;
            role.scopes.is_none().then(|| role.id.clone())
        })
    }

    /// Reads what has to be known of a role before it can be taken over.
    async fn read_scopes(&self, conflict: &Conflict) -> Result<(), logto::Error> {
        match conflict {
            Conflict::Role { id, .. } => self.read_link(id).await,
            _ => Ok(()),
        }
    }

    async fn read_link(&self, role: &str) -> Result<(), logto::Error> {
        let session = self.session;
        session.read_role_scopes(session.client(), role).await
    }

    fn ready(&self) -> Outcome {
        let Binding {
            scope_name,
            role_name,
            ..
        } = self.desired;
        let message = format!("the role {role_name:?} holds the scope {scope_name:?}");
        Outcome {
            verdict: Verdict::Ready(message),
            next: Next::Change,
        }
    }

    /// What an error comes to; it may concern the whole tenant.
    pub fn failed(&self, error: &logto::Error, tenant: &Key) -> Outcome {
        self.session.note(error);
        if self.session.is_down() {
            self.ctx.triggers.tenant(tenant);
        }
        Outcome::of(error)
    }

    /// An event for what was done, when it was not simply the first time.
    async fn tell(&self, done: &[Step]) {
        let known = self
            .binding
            .status
            .as_ref()
            .and_then(|status| status.role.as_ref());
        if let Some(role) = known.filter(|_| makes_role(done)) {
            let held = match self.session.last_known_holders(&role.id) {
                Some(holders) => format!("{holders} held it when it was last counted"),
                None => "how many held it is not known".to_owned(),
            };
            let note = format!(
                "the role {:?} was gone from Logto and was made again; {held}; spec.subjects are given it again, all others have to be",
                role.name
            );
            self.ctx
                .event(self.binding, EventType::Warning, "AssignmentsLost", &note)
                .await;
        } else if !done.is_empty() && self.was_settled() {
            let note = format!(
                "set right what had changed in Logto, in {} requests",
                done.len()
            );
            self.ctx
                .event(self.binding, EventType::Normal, "DriftCorrected", &note)
                .await;
        }
    }

    /// The ids of what bears the binding's mark, as far as Logto was seen; of what the status names and bears none any more
    /// too, so that it can be told what became of it.
    pub fn ids(&self) -> (Option<ScopeStatus>, Option<RoleStatus>) {
        self.session.observe(|observed| {
            let marks = &self.desired.marks;
            let status = self.binding.status.as_ref();
            let resource = observed
                .resources
                .get(&self.instance.spec.api_resource.indicator);
            let scope = resource.and_then(|resource| {
                let scope = resource.scopes.get(&self.desired.scope_name)?;
                let named = status.and_then(|status| status.scope.as_ref());
                if let Some(named) = named.filter(|named| named.id == scope.id)
                    && scope.mark().is_none()
                {
                    return Some(named.clone());
                }
                Some(ScopeStatus {
                    id: scope.id.clone(),
                    resource_id: resource.id.clone(),
                    origin: Some(scope.origin(marks)?),
                })
            });
            let role = || {
                let role = observed.roles.get(&self.desired.role_name)?;
                let named = status.and_then(|status| status.role.as_ref());
                if let Some(named) = named.filter(|named| named.id == role.id)
                    && role.mark().is_none()
                {
                    return Some(named.clone());
                }
                Some(RoleStatus {
                    id: role.id.clone(),
                    name: self.desired.role_name.clone(),
                    origin: Some(role.origin(marks)?),
                })
            };
            (scope, role())
        })
    }
}

/// What a binding may take over, by its own word and its tenant's.
pub(super) fn adoption(
    stores: &Stores,
    instance: &HasuraInstance,
    binding: &HasuraRoleBinding,
) -> Adoption {
    let Some(tenant) = stores.tenant(&tenant_key(instance)) else {
        return Adoption::NEVER;
    };
    let (rules, policy) = (&tenant.spec.adoption, binding.spec.adoption_policy);
    let namespace = key(binding).namespace;
    stores.namespaces.with(|known| {
        let selected =
            |selector: &_| consent::selects(selector, &namespace, known) == Consent::Given;
        let indicator = &instance.spec.api_resource.indicator;
        let role = role_name(binding, &instance.spec);
        Adoption {
            scope: adoption::of_indicator(policy, rules, indicator, selected),
            role: adoption::of_role(policy, rules, &role, selected),
        }
    })
}

fn wants_scopes(conflict: &Conflict) -> bool {
    matches!(
        conflict,
        Conflict::Role {
            mend: Mend::ReadItsScopes,
            ..
        }
    )
}

fn makes_role(steps: &[Step]) -> bool {
    steps
        .iter()
        .any(|step| matches!(step, Step::CreateRole { .. }))
}

/// The reason for a condition.
pub(super) fn reason_of_conflict(conflict: &Conflict) -> &'static str {
    match conflict {
        Conflict::Resource { .. } => reasons::API_RESOURCE_CONFLICT,
        Conflict::Scope { .. } => reasons::SCOPE_CONFLICT,
        Conflict::Role { .. } => reasons::ROLE_CONFLICT,
        Conflict::MarkGone { kind, .. } => match kind {
            Marked::Scope => reasons::SCOPE_CONFLICT,
            Marked::Role => reasons::ROLE_CONFLICT,
        },
        Conflict::RoleType { .. } => reasons::ROLE_TYPE_CONFLICT,
    }
}
