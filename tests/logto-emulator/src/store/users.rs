//! Users.

use serde_json::{Map, Value};

use super::{RoleType, Store, User, Violation, now_ms, random_id};

impl Store {
    /// Every user, the newest first: of all lists only this one and the applications have an order in Logto.
    pub(crate) fn users(&self) -> Vec<&User> {
        let mut users: Vec<&User> = self.users.iter().rev().collect();
        users.sort_by_key(|user| std::cmp::Reverse(user.created_at));
        users
    }

    pub(crate) fn user(&self, id: &str) -> Option<&User> {
        self.users.get(id)
    }

    /// Makes a user and gives it every User role that is a default.
    pub(crate) fn insert_user(
        &mut self,
        username: Option<String>,
        primary_email: Option<String>,
        name: Option<String>,
        custom_data: Map<String, Value>,
    ) -> Result<User, Violation> {
        let now = now_ms();
        let user = User {
            id: random_id(12),
            username,
            primary_email,
            primary_phone: None,
            name,
            avatar: None,
            custom_data,
            identities: Map::new(),
            last_sign_in_at: None,
            created_at: now,
            updated_at: now,
            profile: Map::new(),
            application_id: None,
            cimd_client_id: None,
            is_suspended: false,
            has_password: false,
        };
        self.check_identifiers(&user)?;
        self.users.insert(user.clone())?;
        let defaults: Vec<String> = self
            .roles
            .iter()
            .filter(|role| role.is_default && role.kind == RoleType::User)
            .map(|role| role.id.clone())
            .collect();
        for role in defaults {
            self.assign_to_user(&user.id, &role)?;
        }
        Ok(user)
    }

    pub(crate) fn update_user(
        &mut self,
        id: &str,
        edit: impl FnOnce(&mut User),
    ) -> Result<User, Violation> {
        let mut user = self.users.get(id).ok_or(Violation::Missing)?.clone();
        edit(&mut user);
        user.id = id.to_owned();
        user.updated_at = now_ms();
        self.check_identifiers(&user)?;
        self.users.update(user.clone())?;
        Ok(user)
    }

    /// Deletes a user with all that it holds.
    pub(crate) fn delete_user(&mut self, id: &str) -> Result<(), Violation> {
        self.users.remove(id).ok_or(Violation::Missing)?;
        self.user_roles.remove_left(id);
        self.organization_roles.retain(|role| role.user_id != id);
        self.subject_tokens.retain(|_, token| token.user_id != id);
        Ok(())
    }

    fn check_identifiers(&self, user: &User) -> Result<(), Violation> {
        let taken = |old: &User| {
            old.id != user.id
                && ((user.username.is_some() && old.username == user.username)
                    || (user.primary_email.is_some() && old.primary_email == user.primary_email))
        };
        if self.users.iter().any(taken) {
            return Err(Violation::Unique);
        }
        Ok(())
    }
}
