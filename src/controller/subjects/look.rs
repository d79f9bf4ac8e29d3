//! What Logto shows of a binding's subjects.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::{Failure, SubjectSync, conditions, wanted};
use crate::{
    api::{
        binding::SubjectStatus,
        conditions::reasons,
        policy::{PlannedAction, PlannedStep},
    },
    controller::{
        status::{self, Verdict},
        visit::Outcome,
    },
    domain::{
        subjects::{self, Account, Name, Plan, Subjects},
        words,
    },
    logto::{self, Client},
};

/// Stands for the id of a role that is not there yet, which nobody holds.
const NOT_MADE: &str = "";

impl SubjectSync<'_> {
    /// What would be done for the subjects, in words, and what keeps it from being done; whom nothing would be done for is
    /// not among them.
    ///
    /// # Errors
    /// Why it could not be told.
    pub async fn foresee(&self) -> Result<(Vec<PlannedStep>, Option<Verdict>), Outcome> {
        let wanted = wanted(self.binding);
        let before = self.binding.status.clone().unwrap_or_default();
        if wanted.is_empty() && before.subjects.is_empty() {
            return Ok((Vec::new(), None));
        }
        let same_role = before.role.is_some_and(|role| role.id == self.role.id);
        let rows = if same_role {
            before.subjects
        } else {
            subjects::without_role(&before.subjects)
        };
        let client = self.visit.session.client().background();
        let plan = self.plan(&client, &wanted, &rows).await;
        let plan = plan.map_err(|failure| self.failed(&failure))?;
        let held_back = self.held_back(&plan).await;
        let held_back = held_back.map_err(|failure| self.failed(&failure))?;
        Ok((self.in_words(&plan, &rows, held_back.as_ref()), held_back))
    }

    /// What keeps the role from those who would be given it: whoever is given a role gets all of its scopes.
    async fn held_back(&self, plan: &Plan) -> Result<Option<Verdict>, Failure> {
        if plan.assign.is_empty() || self.role.id == NOT_MADE || !self.is_held_back().await? {
            return Ok(None);
        }
        let extra = self.extra_scopes().unwrap_or_default();
        let message = conditions::said(&extra);
        Ok(Some(Verdict::Stalled(reasons::EXTRA_SCOPES_HELD, message)))
    }

    fn in_words(
        &self,
        plan: &Plan,
        rows: &[SubjectStatus],
        held_back: Option<&Verdict>,
    ) -> Vec<PlannedStep> {
        let role = &self.role.name;
        let named = |id: &String| {
            let row = plan
                .rows
                .iter()
                .chain(rows)
                .find(|row| row.id.as_ref() == Some(id));
            let named = row.map_or_else(|| format!("id={id}"), |row| row.named.clone());
            words::escaped(&named)
        };
        let step = |what: String| words::in_bounds(PlannedAction::Change, &what);
        let taken = plan
            .unassign
            .iter()
            .map(|id| step(format!("the role {role:?}: taken back from {}", named(id))));
        if let Some(Verdict::Stalled(_, message)) = held_back {
            let foreign = words::in_bounds(PlannedAction::Foreign, message);
            return taken.chain([foreign]).collect();
        }
        let given = plan
            .assign
            .iter()
            .map(|id| step(format!("the role {role:?}: given to {}", named(id))));
        taken.chain(given).collect()
    }

    /// Looks at Logto and plans.
    pub(super) async fn plan(
        &self,
        client: &Client,
        wanted: &BTreeSet<Name>,
        rows: &[SubjectStatus],
    ) -> Result<Plan, Failure> {
        let (session, kind) = (self.visit.session, self.kind());
        let known = rows.iter().filter_map(|row| row.id.clone()).collect();
        let mut subjects = Subjects {
            kind,
            wanted: wanted.clone(),
            before: rows.to_vec(),
            holders: self.holders(client, &known).await?,
        };
        let mut found = BTreeMap::new();
        for name in subjects.unresolved() {
            found.insert(
                name.clone(),
                session.find_subject(client, kind, name).await?,
            );
        }
        let new = subjects::ids(&found)
            .filter(|id| !known.contains(id))
            .collect();
        subjects.holders.extend(self.holders(client, &new).await?);
        Ok(subjects.plan(&found, &self.named_since()))
    }

    async fn holders(
        &self,
        client: &Client,
        ids: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Account>, Failure> {
        if self.role.id == NOT_MADE {
            return Ok(BTreeMap::new());
        }
        let session = self.visit.session;
        let holders = session.holders_among(client, self.kind(), &self.role.id, ids);
        match holders.await {
            Err(logto::Error::NotFound { .. }) => {
                session.reread_role(&self.role.name).await?;
                Err(Failure::KeptChanging)
            }
            result => Ok(result?),
        }
    }

    /// Since when a subject that is seen for the first time counts as named. A status that never spoke of the role is
    /// new, or was lost.
    fn named_since(&self) -> Time {
        let binding = self.binding;
        let status = binding.status.as_ref();
        let is_new =
            status.is_none_or(|status| status.role.is_none() && status.subjects.is_empty());
        let created = binding.creation_timestamp().filter(|_| is_new);
        created.unwrap_or_else(status::now)
    }

    /// Whether the role holds other scopes, read at this moment: whoever is given the role gets those too.
    pub(super) async fn is_held_back(&self) -> Result<bool, Failure> {
        let session = self.visit.session;
        session
            .read_role_scopes(session.client(), &self.role.id)
            .await?;
        let extra = self.extra_scopes().ok_or(Failure::KeptChanging)?;
        Ok(!extra.is_empty())
    }

    /// The scopes that the role holds beside the binding's own, in words; none while they were not read.
    pub(super) fn extra_scopes(&self) -> Option<Vec<String>> {
        let desired = self.visit.desired;
        self.visit
            .session
            .observe(|observed| conditions::extra_scopes(desired, observed))
    }
}
