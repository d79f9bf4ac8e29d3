//! The requests that this client makes, by name.

use std::fmt;

use super::Error;

/// One kind of request: the `operation` label of the metrics, hence a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// The OpenID discovery document.
    Discover,
    /// A key set.
    FetchKeys,
    /// A token for the Management API.
    FetchToken,
    /// All resources with their scopes.
    ListResources,
    /// One resource by id.
    GetResource,
    /// A new resource.
    CreateResource,
    /// A change of a resource.
    UpdateResource,
    /// The end of a resource.
    DeleteResource,
    /// All scopes of one resource.
    ListScopes,
    /// One scope by its name.
    FindScope,
    /// A new scope.
    CreateScope,
    /// A change of a scope.
    UpdateScope,
    /// The end of a scope.
    DeleteScope,
    /// All roles.
    ListRoles,
    /// One role by id.
    GetRole,
    /// One role by its name.
    FindRole,
    /// A new role.
    CreateRole,
    /// A change of a role.
    UpdateRole,
    /// The end of a role.
    DeleteRole,
    /// The scopes that a role holds.
    ListRoleScopes,
    /// One scope more for a role.
    AddRoleScope,
    /// One scope less for a role.
    RemoveRoleScope,
    /// One user by id.
    GetUser,
    /// Users by username or primary e-mail address.
    FindUsers,
    /// The users who hold a role.
    ListRoleUsers,
    /// A role for users.
    AssignUsers,
    /// A role taken from a user.
    UnassignUser,
    /// One application by id.
    GetApplication,
    /// Applications by name.
    FindApplications,
    /// The applications that hold a role.
    ListRoleApplications,
    /// A role for applications.
    AssignApplications,
    /// A role taken from an application.
    UnassignApplication,
    /// The Custom JWT scripts.
    ListCustomJwts,
    /// A Custom JWT script in place of the one before.
    PutCustomJwt,
    /// The end of a Custom JWT script.
    DeleteCustomJwt,
    /// A run of a script that is not stored.
    DryRunCustomJwt,
}

/// What a request does to the tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    Read,
    /// Makes an object or a link, and does it only once.
    Create,
    /// Changes or removes what is there.
    Change,
}

impl Operation {
    /// The name in metrics and logs.
    pub fn name(self) -> &'static str {
        self.describe().0
    }

    /// What it does to the tenant.
    pub fn effect(self) -> Effect {
        self.describe().2
    }

    /// Whether it may change the tenant.
    pub fn writes(self) -> bool {
        self.effect() != Effect::Read
    }

    fn describe(self) -> (&'static str, &'static str, Effect) {
        use Effect::{Change, Create, Read};
        match self {
            Self::Discover => ("discover", "read the discovery document", Read),
            Self::FetchKeys => ("fetch_keys", "read the key set", Read),
            Self::FetchToken => ("fetch_token", "get a Management API token", Read),
            Self::ListResources => ("list_resources", "list the API resources", Read),
            Self::GetResource => ("get_resource", "read the API resource", Read),
            Self::CreateResource => ("create_resource", "create the API resource", Create),
            Self::UpdateResource => ("update_resource", "change the API resource", Change),
            Self::DeleteResource => ("delete_resource", "delete the API resource", Change),
            Self::ListScopes => ("list_scopes", "list the scopes", Read),
            Self::FindScope => ("find_scope", "look for the scope", Read),
            Self::CreateScope => ("create_scope", "create the scope", Create),
            Self::UpdateScope => ("update_scope", "change the scope", Change),
            Self::DeleteScope => ("delete_scope", "delete the scope", Change),
            Self::ListRoles => ("list_roles", "list the roles", Read),
            Self::GetRole => ("get_role", "read the role", Read),
            Self::FindRole => ("find_role", "look for the role", Read),
            Self::CreateRole => ("create_role", "create the role", Create),
            Self::UpdateRole => ("update_role", "change the role", Change),
            Self::DeleteRole => ("delete_role", "delete the role", Change),
            Self::ListRoleScopes => ("list_role_scopes", "list the scopes of the role", Read),
            Self::AddRoleScope => ("add_role_scope", "give the role its scope", Create),
            Self::RemoveRoleScope => ("remove_role_scope", "take the scope from the role", Change),
            Self::GetUser => ("get_user", "read the user", Read),
            Self::FindUsers => ("find_users", "look for the user", Read),
            Self::ListRoleUsers => ("list_role_users", "list the users of the role", Read),
            Self::AssignUsers => ("assign_users", "give the users the role", Create),
            Self::UnassignUser => ("unassign_user", "take the role from the user", Change),
            Self::GetApplication => ("get_application", "read the application", Read),
            Self::FindApplications => ("find_applications", "look for the application", Read),
            Self::ListRoleApplications => (
                "list_role_applications",
                "list the applications of the role",
                Read,
            ),
            Self::AssignApplications => (
                "assign_applications",
                "give the applications the role",
                Create,
            ),
            Self::UnassignApplication => (
                "unassign_application",
                "take the role from the application",
                Change,
            ),
            Self::ListCustomJwts => ("list_custom_jwts", "read the Custom JWT scripts", Read),
            Self::PutCustomJwt => ("put_custom_jwt", "write the Custom JWT script", Change),
            Self::DeleteCustomJwt => ("delete_custom_jwt", "delete the Custom JWT script", Change),
            Self::DryRunCustomJwt => ("dry_run_custom_jwt", "try the Custom JWT script", Read),
        }
    }
}

/// In words, for messages: "create the role".
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.describe().1)
    }
}

/// How a request ended: the `outcome` label of the metrics, one for each kind of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// An answer that could be used.
    Ok,
    /// [`Error::Retry`].
    Retry,
    /// [`Error::Wait`].
    Wait,
    /// [`Error::Plan`].
    Plan,
    /// [`Error::Reread`].
    Reread,
    /// [`Error::NotFound`].
    NotFound,
    /// [`Error::Credentials`].
    Credentials,
    /// [`Error::Stop`].
    Stop,
}

impl Outcome {
    /// The outcome that a result is counted as.
    pub fn of<T>(result: &Result<T, Error>) -> Self {
        match result {
            Ok(_) => Self::Ok,
            Err(Error::Retry { .. }) => Self::Retry,
            Err(Error::Wait { .. }) => Self::Wait,
            Err(Error::Plan { .. }) => Self::Plan,
            Err(Error::Reread { .. }) => Self::Reread,
            Err(Error::NotFound { .. }) => Self::NotFound,
            Err(Error::Credentials { .. }) => Self::Credentials,
            Err(Error::Stop { .. }) => Self::Stop,
        }
    }

    /// The name in metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Retry => "retry",
            Self::Wait => "wait",
            Self::Plan => "plan",
            Self::Reread => "reread",
            Self::NotFound => "not_found",
            Self::Credentials => "credentials",
            Self::Stop => "stop",
        }
    }
}
