//! Users, as far as they are given roles.

use serde_json::json;

use super::client::{done, gone};
use super::{Client, Error, Listing, Operation, User};

/// Ids that one request asks for: 50 of them keep its URL under 2 kB, which every proxy lets pass.
const IDS_AT_ONCE: usize = 50;

impl Client {
    /// One user; none when there is none of that id.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn get_user(&self, id: &str) -> Result<Option<User>, Error> {
        let operation = Operation::GetUser;
        let url = self.url(operation, &["users", id])?;
        match self.call(operation, |http| http.get(url.clone())).await {
            Ok(answer) => answer.decode(operation).map(Some),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The users whose `field` (`username` or `primaryEmail`) is this very text. Logto's default ignores case, and two
    /// usernames may differ by it alone (seen on 1.42).
    ///
    /// # Errors
    /// No usable answer.
    pub async fn find_users(&self, field: &str, text: &str) -> Result<Vec<User>, Error> {
        let operation = Operation::FindUsers;
        let mut url = self.url(operation, &["users"])?;
        url.query_pairs_mut()
            .append_pair(&format!("search.{field}"), text)
            .append_pair(&format!("mode.{field}"), "exact")
            .append_pair("isCaseSensitive", "true");
        self.call(operation, |http| http.get(url.clone()))
            .await?
            .decode(operation)
    }

    /// Those of the users with these ids who hold a role. Only they are asked for: a role may be held by everybody.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such role.
    pub async fn list_role_users(&self, role_id: &str, ids: &[&str]) -> Result<Vec<User>, Error> {
        let operation = Operation::ListRoleUsers;
        let mut found = Vec::new();
        for ids in ids.chunks(IDS_AT_ONCE) {
            let mut url = self.url(operation, &["roles", role_id, "users"])?;
            url.query_pairs_mut()
                .extend_pairs(ids.iter().map(|id| ("search.id", id)))
                .append_pair("mode.id", "exact")
                .append_pair("isCaseSensitive", "true");
            let Listing { rows, .. } = self
                .list_pages(operation, url, |user: &User| &user.id)
                .await?;
            found.extend(rows);
        }
        Ok(found)
    }

    /// Gives users a role: all of them, or on any error but a lost answer none.
    ///
    /// # Errors
    /// [`Error::Reread`] when one of them holds it already (`role.user_exists`) or may just have got it, and when role
    /// or user are gone.
    pub async fn assign_users(&self, role_id: &str, user_ids: &[String]) -> Result<(), Error> {
        let operation = Operation::AssignUsers;
        let url = self.url(operation, &["roles", role_id, "users"])?;
        let body = json!({ "userIds": user_ids });
        let result = self.call(operation, |http| http.post(url.clone()).json(&body));
        done(operation, result.await)
    }

    /// Takes a role from a user. `Ok` also when the user did not hold it, or is gone.
    ///
    /// # Errors
    /// No definite answer, or a refusal.
    pub async fn unassign_user(&self, role_id: &str, user_id: &str) -> Result<(), Error> {
        let operation = Operation::UnassignUser;
        let url = self.url(operation, &["roles", role_id, "users", user_id])?;
        let result = self.call(operation, |http| http.delete(url.clone())).await;
        gone(operation, result)
    }
}
