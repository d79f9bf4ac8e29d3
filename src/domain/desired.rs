//! What Logto should hold, read off the specs.

use super::{
    observed::Observed,
    ownership::{MAX_ROLE_TEXT, Marks, Owner},
};
use crate::api::{
    HasuraInstance, HasuraInstanceSpec, HasuraRoleBinding, HasuraRoleBindingSpec, Origin,
    binding::RoleType, instance::AuthMode,
};

/// Longest name of a role in Logto, in characters.
///
/// Source: logto-io/logto `packages/schemas/tables/roles.sql`.
pub const MAX_ROLE_NAME: usize = 128;

/// An API resource as a HasuraInstance asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Natural key, and the audience of tokens.
    pub indicator: String,
    /// The name that the console shows.
    pub name: String,
    /// Life of an access token, in seconds; none leaves that as it is.
    pub access_token_ttl: Option<i64>,
}

impl From<&HasuraInstanceSpec> for Resource {
    fn from(spec: &HasuraInstanceSpec) -> Self {
        Self {
            indicator: spec.api_resource.indicator.clone(),
            name: spec.api_resource.name.clone(),
            access_token_ttl: spec.api_resource.access_token_ttl_seconds.map(i64::from),
        }
    }
}

/// A scope and a role as a HasuraRoleBinding asks for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Stand on what is made for this binding or taken over by it.
    pub marks: Marks,
    /// The API resource that the scope belongs to.
    pub indicator: String,
    /// The role in Hasura, for the default description.
    pub hasura_role: String,
    /// The scope's name.
    pub scope_name: String,
    /// The scope's description; none means that only the mark is managed.
    pub scope_text: Option<String>,
    /// The role's name in Logto.
    pub role_name: String,
    /// Who can hold the role.
    pub role_type: RoleType,
    /// The role's description; none means that only the mark is managed.
    pub role_text: Option<String>,
    /// Whether every new user gets the role; none leaves that as it is.
    pub is_default: Option<bool>,
}

/// Why a binding can not be carried out whatever Logto holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// The role's name does not start with the prefix.
    #[error(
        "spec.logtoRole.name {name:?} does not start with the instance's logtoRoleNamePrefix {prefix:?}: make a new HasuraRoleBinding with a name that does, or leave it out"
    )]
    Prefix {
        /// The name that was given.
        name: String,
        /// What it should start with.
        prefix: String,
    },
    /// Prefix and role together are too long for Logto.
    #[error(
        "the role's name {0:?} has more than {MAX_ROLE_NAME} characters: give a shorter spec.logtoRole.name in a new HasuraRoleBinding"
    )]
    NameTooLong(String),
    /// The prefix made a superuser's name.
    #[error(
        "the role's name is {0:?}, which is the superuser in Hasura: make a new HasuraRoleBinding with another spec.logtoRole.name"
    )]
    Admin(String),
    /// The text has characters that count twice in Logto, and passes its limit.
    #[error(
        "spec.logtoRole.description takes {0} of the {MAX_ROLE_TEXT} UTF-16 units that Logto leaves beside the ownership mark: shorten it"
    )]
    DescriptionTooLong(usize),
    /// In mode Webhook Logto looks for the Hasura role among the names of the user's roles.
    #[error(
        "the role's name {name:?} is not the Hasura role {hasura_role:?}, as the instance's mode Webhook needs it: make a new HasuraRoleBinding without spec.logtoRole.name"
    )]
    RoleNameDiffers {
        /// The role's name in Logto.
        name: String,
        /// The role in Hasura.
        hasura_role: String,
    },
    /// In mode Webhook Logto looks at the roles of users alone.
    #[error(
        "a role of type MachineToMachine works in mode JWT only: make a new HasuraRoleBinding of type User, or set the instance's auth.mode to JWT"
    )]
    MachineRole,
    /// Anonymous callers have this role, with session variables of their own choice.
    #[error(
        "{0:?} is the instance's auth.unauthorizedRole, which callers without a token have: bind another role, or change the instance"
    )]
    UnauthorizedRole(String),
}

/// The name in Logto of a binding's role: the one given, or the prefix and the Hasura role.
pub fn role_name(binding: &HasuraRoleBinding, instance: &HasuraInstanceSpec) -> String {
    let given = binding.spec.logto_role.name.clone();
    given.unwrap_or_else(|| {
        format!(
            "{}{}",
            instance.logto_role_name_prefix, binding.spec.hasura_role
        )
    })
}

impl Binding {
    /// What a binding asks for under its instance.
    ///
    /// # Errors
    /// When the two do not fit together; see [`Invalid`].
    pub fn new(
        owner: &Owner,
        namespace: &str,
        name: &str,
        binding: &HasuraRoleBinding,
        instance: &HasuraInstance,
    ) -> Result<Self, Invalid> {
        let spec = &binding.spec;
        let role_name = role_name(binding, &instance.spec);
        check_role_name(&role_name, &instance.spec.logto_role_name_prefix)?;
        if instance.spec.auth.mode == AuthMode::Webhook {
            check_for_webhook(&role_name, spec)?;
        }
        if let Some(text) = &spec.logto_role.description {
            let units = text.encode_utf16().count();
            if units > MAX_ROLE_TEXT {
                return Err(Invalid::DescriptionTooLong(units));
            }
        }
        if instance.spec.auth.unauthorized_role.as_ref() == Some(&spec.hasura_role) {
            return Err(Invalid::UnauthorizedRole(spec.hasura_role.clone()));
        }
        Ok(Self {
            marks: owner.marks(namespace, name, spec),
            indicator: instance.spec.api_resource.indicator.clone(),
            hasura_role: spec.hasura_role.clone(),
            scope_name: spec.scope.name.clone(),
            scope_text: spec.scope.description.clone(),
            role_name,
            role_type: spec.logto_role.type_,
            role_text: spec.logto_role.description.clone(),
            is_default: spec.logto_role.is_default,
        })
    }

    /// Takes a role that was made for the binding back from newcomers, where nobody may say any more who is given it: a
    /// missing `isDefault` would leave it as it is.
    pub fn end_default(&mut self, observed: &Observed) {
        let role = observed.roles.get(&self.role_name);
        let is_its_own = role.is_some_and(|role| role.origin(&self.marks) == Some(Origin::Created));
        if is_its_own && self.is_default.is_none() {
            self.is_default = Some(false);
        }
    }
}

fn check_role_name(name: &str, prefix: &str) -> Result<(), Invalid> {
    if !name.starts_with(prefix) {
        return Err(Invalid::Prefix {
            name: name.to_owned(),
            prefix: prefix.to_owned(),
        });
    }
    if name.chars().count() > MAX_ROLE_NAME {
        return Err(Invalid::NameTooLong(name.to_owned()));
    }
    if name.eq_ignore_ascii_case("admin") {
        return Err(Invalid::Admin(name.to_owned()));
    }
    Ok(())
}

fn check_for_webhook(role_name: &str, spec: &HasuraRoleBindingSpec) -> Result<(), Invalid> {
    if spec.logto_role.type_ == RoleType::MachineToMachine {
        return Err(Invalid::MachineRole);
    }
    if role_name != spec.hasura_role {
        return Err(Invalid::RoleNameDiffers {
            name: role_name.to_owned(),
            hasura_role: spec.hasura_role.clone(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{
        Reference,
        binding::{DeletionPolicy, LogtoRole, Scope},
        policy::{AdoptionPolicy, ManagementPolicy},
    };

    fn instance(prefix: &str) -> HasuraInstance {
        serde_json::from_value(serde_json::json!({
            "apiVersion": "logto-hasura.dev/v1alpha1", "kind": "HasuraInstance", "metadata": {"name": "shop"},
            "spec": {
                "tenantRef": {"name": "main"},
                "apiResource": {"indicator": "https://shop.example.com/v1/graphql", "name": "Shop"},
                "logtoRoleNamePrefix": prefix,
                "deploymentRef": {"name": "hasura"},
                "auth": {"unauthorizedRole": "anonymous"},
            }
        }))
        .unwrap()
    }

    fn binding(hasura_role: &str, role: LogtoRole) -> HasuraRoleBinding {
        HasuraRoleBinding::new(
            "b",
            HasuraRoleBindingSpec {
                instance_ref: Reference {
                    name: "shop".into(),
                    namespace: None,
                },
                hasura_role: hasura_role.into(),
                scope: Scope {
                    name: "read:user".into(),
                    description: None,
                },
                logto_role: role,
                subjects: Vec::new(),
                management_policy: ManagementPolicy::Manage,
                adoption_policy: AdoptionPolicy::Never,
                deletion_policy: DeletionPolicy::DeleteUnused,
                suspend: false,
            },
        )
    }

    fn desired(prefix: &str, hasura_role: &str, role: LogtoRole) -> Result<Binding, Invalid> {
        let owner = Owner::new("test").unwrap();
        Binding::new(
            &owner,
            "shop",
            "b",
            &binding(hasura_role, role),
            &instance(prefix),
        )
    }

    fn named(name: &str) -> LogtoRole {
        LogtoRole {
            name: Some(name.into()),
            ..LogtoRole::default()
        }
    }

    #[test]
    fn a_role_is_named_by_the_prefix_and_the_hasura_role_unless_the_spec_names_it() {
        assert_eq!(
            desired("shop-", "editor", LogtoRole::default())
                .unwrap()
                .role_name,
            "shop-editor"
        );
        assert_eq!(
            desired("shop-", "editor", named("shop-writers"))
                .unwrap()
                .role_name,
            "shop-writers"
        );
    }

    #[test]
    fn a_prefix_of_words_is_put_before_the_role_as_it_is() {
        let of = |prefix: &str, role: LogtoRole| desired(prefix, "Sales Manager", role);
        let default = || LogtoRole::default();
        assert_eq!(of("", default()).unwrap().role_name, "Sales Manager");
        assert_eq!(
            of("Big Shop ", default()).unwrap().role_name,
            "Big Shop Sales Manager"
        );
        assert_eq!(
            of("shop-", default()).unwrap().role_name,
            "shop-Sales Manager"
        );
        let given = of("Big Shop ", named("Big Shop Editor"));
        assert_eq!(given.unwrap().role_name, "Big Shop Editor");
        assert!(matches!(
            of("Big Shop ", named("Big Shopper")),
            Err(Invalid::Prefix { .. })
        ));
    }

    #[test]
    fn a_role_name_that_others_could_fill_is_refused() {
        assert!(matches!(
            desired("shop-", "editor", named("billing-editor")),
            Err(Invalid::Prefix { .. })
        ));
    }

    #[test]
    fn a_prefix_can_not_make_the_superuser_or_a_name_too_long_for_logto() {
        assert!(matches!(
            desired("ad", "Min", LogtoRole::default()),
            Err(Invalid::Admin(_))
        ));
        let long = "x".repeat(126);
        assert!(matches!(
            desired("abc", &long, LogtoRole::default()),
            Err(Invalid::NameTooLong(_))
        ));
    }

    #[test]
    fn a_description_is_measured_as_logto_measures_it() {
        let text = |text: String| LogtoRole {
            description: Some(text),
            ..LogtoRole::default()
        };
        assert!(desired("", "editor", text("ü".repeat(73))).is_ok());
        assert_eq!(
            desired("", "editor", text("🔒".repeat(73))),
            Err(Invalid::DescriptionTooLong(146))
        );
    }

    #[test]
    fn in_mode_webhook_a_role_is_a_users_and_named_as_hasura_names_it() {
        let mut instance = instance("");
        instance.spec.auth.mode = AuthMode::Webhook;
        let desired = |role| {
            let owner = Owner::new("test").unwrap();
            Binding::new(&owner, "shop", "b", &binding("editor", role), &instance)
        };
        assert_eq!(desired(LogtoRole::default()).unwrap().role_name, "editor");
        assert!(desired(named("editor")).is_ok());
        for other in ["Editor", "shop-editor"] {
            let refused = desired(named(other)).unwrap_err();
            assert!(
                matches!(refused, Invalid::RoleNameDiffers { .. }),
                "{other}"
            );
        }
        let machine = LogtoRole {
            type_: RoleType::MachineToMachine,
            ..LogtoRole::default()
        };
        assert_eq!(desired(machine), Err(Invalid::MachineRole));
    }

    #[test]
    fn the_role_of_anonymous_callers_is_never_bound() {
        assert!(matches!(
            desired("", "anonymous", LogtoRole::default()),
            Err(Invalid::UnauthorizedRole(_))
        ));
    }
}
