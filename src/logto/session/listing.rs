//! The tenant as a whole: listed, and its roles' scopes read bit by bit.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::atomic::Ordering,
    time::Instant,
};

use super::{
    super::{Client, Error, Listing, RoleWithCounts},
    Session, Snapshot,
    convert::{resource, role},
    lock,
};
use crate::domain::{
    observed::{self, Change, Observed},
    ownership,
};

/// So many roles that are gone are remembered beside as many as there are.
const GONE_ROLES: usize = 100;

impl Session {
    /// Lists the tenant again with at most half of the budget.
    ///
    /// # Errors
    /// Those of the requests; the last snapshot stays.
    pub async fn refresh(&self) -> Result<(), Error> {
        self.list(&self.client.background()).await?;
        self.down.store(false, Ordering::Relaxed);
        Ok(())
    }

    pub(super) async fn list(&self, client: &Client) -> Result<(), Error> {
        let listed = Some(Instant::now());
        self.write(|snapshot| snapshot.since_listing = Some(Vec::new()));
        let read = self.read_all(client).await;
        self.write(|snapshot| {
            let since = snapshot.since_listing.take().unwrap_or_default();
            let (mut observed, roles_complete) = read?;
            for change in since {
                observed.apply(change);
            }
            *snapshot = Snapshot {
                observed,
                roles_complete,
                listed,
                since_listing: None,
            };
            Ok(())
        })
    }

    async fn read_all(&self, client: &Client) -> Result<(Observed, bool), Error> {
        let resources = client.list_resources_with_scopes().await?;
        let Listing { rows, complete } = client.list_roles().await?;
        self.count_holders(&rows);
        let mut observed = Observed {
            resources: resources.into_iter().map(resource).collect(),
            roles: rows
                .into_iter()
                .filter_map(|row: RoleWithCounts| role(row.role))
                .collect(),
        };
        for (name, known) in self.missing(&observed) {
            // A page can miss a row even when the count adds up, so only a read by id says that a role is gone.
            match client.get_role(&known.id).await {
                Ok(found) => observed.roles.extend(role(found)),
                Err(Error::NotFound { .. }) => {
                    tracing::debug!(role = name, "a role is gone from Logto")
                }
                Err(error) => return Err(error),
            }
        }
        self.read().observed.roles.values().for_each(|known| {
            if let Some(scopes) = &known.scopes {
                observed.apply(Change::SetRoleScopes(known.id.clone(), scopes.clone()));
            }
        });
        Ok((observed, complete))
    }

    fn count_holders(&self, rows: &[RoleWithCounts]) {
        let ours = |row: &&RoleWithCounts| {
            ownership::split(&row.role.description)
                .1
                .is_some_and(|mark| mark.is_of(&self.owner))
        };
        let counts: HashMap<String, u64> = rows
            .iter()
            .filter(ours)
            .map(|row| (row.role.id.clone(), row.holders()))
            .collect();
        let mut holders = lock(&self.holders);
        // What is last known of a role that is gone stays until it is told, but not of any number of them.
        if holders.len() > 2 * counts.len() + GONE_ROLES {
            holders.clear();
        }
        holders.extend(counts);
    }

    /// How many held the role of this id when it was last listed; none when that is not known.
    pub fn last_known_holders(&self, role_id: &str) -> Option<u64> {
        lock(&self.holders).get(role_id).copied()
    }

    /// Roles of ours that were known and are not in the listing.
    fn missing(&self, listed: &Observed) -> Vec<(String, observed::Role)> {
        let ids: BTreeSet<&str> = listed.roles.values().map(|role| role.id.as_str()).collect();
        let snapshot = self.read();
        let ours = |role: &observed::Role| role.mark().is_some_and(|mark| mark.is_of(&self.owner));
        let known = snapshot.observed.roles.iter();
        known
            .filter(|(_, role)| ours(role) && !ids.contains(role.id.as_str()))
            .map(|(name, role)| (name.clone(), role.clone()))
            .collect()
    }

    /// Reads which scopes a role holds.
    ///
    /// # Errors
    /// Those of the request; a role that is gone is forgotten and no error.
    pub async fn read_role_scopes(&self, client: &Client, role_id: &str) -> Result<(), Error> {
        let change = match client.list_role_scopes(role_id).await {
            Ok(scopes) => Change::SetRoleScopes(
                role_id.to_owned(),
                scopes.into_iter().map(|scope| scope.id).collect(),
            ),
            Err(Error::NotFound { .. } | Error::Reread { .. }) => {
                Change::RemoveRole(role_id.to_owned())
            }
            Err(error) => return Err(error),
        };
        lock(&self.links_read).insert(role_id.to_owned(), Instant::now());
        self.record(change);
        Ok(())
    }

    /// Names and ids of roles of ours, those whose scopes were read longest ago first.
    pub fn roles_by_age_of_reading(&self) -> Vec<(String, String)> {
        let mut read = lock(&self.links_read);
        let ours = |role: &observed::Role| role.mark().is_some_and(|mark| mark.is_of(&self.owner));
        let mut roles: Vec<(String, String)> = self.observe(|observed| {
            let ours = observed.roles.iter().filter(|(_, role)| ours(role));
            ours.map(|(name, role)| (name.clone(), role.id.clone()))
                .collect()
        });
        roles.sort_by_cached_key(|(_, id)| read.get(id).copied());
        if read.len() > roles.len() {
            let kept: HashSet<&String> = roles.iter().map(|(_, id)| id).collect();
            read.retain(|id, _| kept.contains(id));
        }
        roles
    }
}
