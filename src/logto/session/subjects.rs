//! Users and applications: found by name, given a role, and seen to hold it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{Application, Client, Error, Operation, User, client::is_id},
    Session, lock,
};
use crate::{
    api::binding::SubjectKind,
    domain::{
        release::Holders,
        subjects::{Account, Found, Name},
    },
};

/// The one type of application that client credentials work for, and so a machine role.
///
/// Source: logto-io/logto `packages/core/src/routes/applications/application-role.ts`.
const MACHINE: &str = "MachineToMachine";

impl Session {
    /// Whom a name means at this moment.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn find_subject(
        &self,
        client: &Client,
        kind: SubjectKind,
        name: &Name,
    ) -> Result<Found, Error> {
        let mut accounts: Vec<Account> = match (kind, name) {
            (SubjectKind::User, Name::Id(id)) => {
                client.get_user(id).await?.map(user).into_iter().collect()
            }
            (SubjectKind::Application, Name::Id(id)) => {
                let found = client.get_application(id).await?;
                found.map(application).into_iter().collect()
            }
            (_, Name::PrimaryEmail(email)) => users(client, "primaryEmail", email).await?,
            (_, Name::Username(username)) => users(client, "username", username).await?,
            (_, Name::Application(name)) => {
                let found = client.find_applications(name).await?;
                found.into_iter().map(application).collect()
            }
        };
        accounts.retain(|account| name.means(account));
        Ok(match accounts.pop() {
            None => Found::Nobody,
            Some(account) if accounts.is_empty() => Found::One(account),
            Some(_) => Found::Several,
        })
    }

    /// Those of these ids that hold the role at this moment.
    ///
    /// # Errors
    /// Those of the requests; [`Error::NotFound`] when there is no such role.
    pub async fn holders_among(
        &self,
        client: &Client,
        kind: SubjectKind,
        role_id: &str,
        ids: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Account>, Error> {
        // They come from a status too, which may hold anything.
        let asked: Vec<&str> = ids
            .iter()
            .map(String::as_str)
            .filter(|id| is_id(id))
            .collect();
        if asked.is_empty() {
            return Ok(BTreeMap::new());
        }
        let accounts: Vec<Account> = match kind {
            SubjectKind::User => {
                let found = client.list_role_users(role_id, &asked).await?;
                found.into_iter().map(user).collect()
            }
            SubjectKind::Application => {
                let found = client.list_role_applications(role_id).await?;
                if !found.complete {
                    // Who is missing from such a list would be taken for somebody who lost the role.
                    return Err(Error::Reread {
                        operation: Operation::ListRoleApplications,
                        status: 200,
                        code: None,
                    });
                }
                found.rows.into_iter().map(application).collect()
            }
        };
        let among = accounts
            .into_iter()
            .filter(|account| ids.contains(&account.id));
        Ok(among.map(|account| (account.id.clone(), account)).collect())
    }

    /// Gives all of these the role, or on a definite refusal none.
    ///
    /// # Errors
    /// Those of the request; [`Error::Reread`] when one of them holds it already, or is gone.
    pub async fn assign(
        &self,
        kind: SubjectKind,
        role_id: &str,
        ids: &BTreeSet<String>,
    ) -> Result<(), Error> {
        let ids: Vec<String> = ids.iter().cloned().collect();
        match kind {
            SubjectKind::User => self.client.assign_users(role_id, &ids).await?,
            SubjectKind::Application => self.client.assign_applications(role_id, &ids).await?,
        }
        *lock(&self.holders).entry(role_id.to_owned()).or_default() += ids.len() as u64;
        Ok(())
    }

    /// Takes the role from this one; who does not hold it is no error.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn unassign(&self, kind: SubjectKind, role_id: &str, id: &str) -> Result<(), Error> {
        match kind {
            SubjectKind::User => self.client.unassign_user(role_id, id).await?,
            SubjectKind::Application => self.client.unassign_application(role_id, id).await?,
        }
        if let Some(holders) = lock(&self.holders).get_mut(role_id) {
            *holders = holders.saturating_sub(1);
        }
        Ok(())
    }

    /// Whether anybody but `own` holds the role of this id and name at this moment, and who of `own` does. Of one that has
    /// another name by now nobody can tell: Logto counts holders by name alone.
    ///
    /// # Errors
    /// Those of the requests.
    pub async fn holders_beside(
        &self,
        kind: SubjectKind,
        (role_id, role_name): (&str, &str),
        own: &BTreeSet<String>,
    ) -> Result<(Holders, BTreeSet<String>), Error> {
        let found = self.client.find_role(role_name).await?;
        let Some(row) = found.filter(|row| row.role.id == role_id) else {
            let holders = match self.client.get_role(role_id).await {
                Err(Error::NotFound { .. }) => Holders::Nobody,
                Err(error) => return Err(error),
                Ok(_) => Holders::Somebody,
            };
            return Ok((holders, BTreeSet::new()));
        };
        if row.holders() == 0 {
            return Ok((Holders::Nobody, BTreeSet::new()));
        }
        let held = self.holders_among(&self.client, kind, role_id, own).await?;
        let all_own = row.holders() <= held.len() as u64;
        let holders = if all_own {
            Holders::Nobody
        } else {
            Holders::Somebody
        };
        Ok((holders, held.into_keys().collect()))
    }
}

async fn users(client: &Client, field: &str, text: &str) -> Result<Vec<Account>, Error> {
    let found = client.find_users(field, text).await?;
    Ok(found.into_iter().map(user).collect())
}

fn user(found: User) -> Account {
    Account {
        id: found.id,
        username: found.username,
        primary_email: found.primary_email,
        name: None,
        created: found.created_at.div_euclid(1000),
        refused: found.is_suspended,
    }
}

fn application(found: Application) -> Account {
    Account {
        id: found.id,
        name: Some(found.name),
        refused: found.application_type != MACHINE,
        ..Account::default()
    }
}
