//! The closed sets of condition types and reasons, with what each means and what to do.
//!
//! `Ready` follows kstatus: it is False or Unknown from the first visit on and True only once everything below it was
//! verified. `Reconciling` and `Stalled` are there only while True, never both; Stalled means that a retry can not help.

/// Condition types.
pub mod types {
    /// Everything that the object asks for was done and verified.
    pub const READY: &str = "Ready";
    /// Work is going on, or is retried.
    pub const RECONCILING: &str = "Reconciling";
    /// Somebody has to change something; the message says what.
    pub const STALLED: &str = "Stalled";
    /// LogtoTenant: the credentials work and the tenant was listed.
    pub const CONNECTED: &str = "Connected";
    /// HasuraInstance: the API resource in Logto is as the spec says.
    pub const API_RESOURCE_SYNCED: &str = "ApiResourceSynced";
    /// HasuraInstance: the Deployment carries the auth settings.
    pub const AUTH_CONFIGURED: &str = "AuthConfigured";
    /// HasuraInstance: every replica ran with the last settings that the operator wrote.
    pub const ROLLED_OUT: &str = "RolledOut";
    /// HasuraRoleBinding: its instance takes it, and no other object holds what it names.
    pub const ACCEPTED: &str = "Accepted";
    /// HasuraRoleBinding: the scope and the role are in Logto, and the role holds the scope.
    pub const ROLE_SYNCED: &str = "RoleSynced";
    /// LogtoTenant: the Custom JWT scripts in Logto give the claims of all instances.
    pub const CLAIMS_DEPLOYED: &str = "ClaimsDeployed";
    /// LogtoTenant: a running Hasura refreshes the key set by itself, and not at each tick.
    pub const JWKS_CACHEABLE: &str = "JwksCacheable";
    /// HasuraInstance: a session variable is built from what a user can write about himself.
    pub const USER_EDITABLE_CLAIM: &str = "UserEditableClaim";
    /// LogtoTenant: people sign in at origins of several issuers, so Hasura checks none.
    pub const ISSUER_UNCHECKED: &str = "IssuerUnchecked";
    /// HasuraInstance: Hasura's container has no readiness probe, so Kubernetes does not see whether it has started.
    pub const NO_READINESS_PROBE: &str = "NoReadinessProbe";
    /// HasuraInstance: by default another container than the one with the settings would be taken by now, or none could be told.
    pub const CONTAINER_AMBIGUOUS: &str = "ContainerAmbiguous";
    /// HasuraInstance: Hasura may have settings that the Deployment does not show, so `Ready` can not speak of them.
    pub const SETTINGS_UNSEEN: &str = "SettingsUnseen";
    /// HasuraInstance: the admin secret stands where others than the readers of Secrets can read it.
    pub const ADMIN_SECRET_EXPOSED: &str = "AdminSecretExposed";
    /// HasuraRoleBinding: the deployed claims grant the Hasura role to who holds the Logto role.
    pub const CLAIMS_PUBLISHED: &str = "ClaimsPublished";
    /// HasuraRoleBinding: every subject holds the role.
    pub const SUBJECTS_ASSIGNED: &str = "SubjectsAssigned";
    /// HasuraRoleBinding: the role holds other scopes too, so nobody is assigned to it.
    pub const EXTRA_SCOPES: &str = "ExtraScopes";
    /// With policy Observe: all is as the spec says, and Manage would write nothing.
    pub const IN_SYNC: &str = "InSync";
    /// Somebody withdrew the consent that it needs: tokens that are out work until the time that the message says.
    pub const GRANT_WITHDRAWN: &str = "GrantWithdrawn";
}

/// Reasons, in groups: what is well, what is waited for, what has to be changed.
pub mod reasons {
    /// All is as it should be.
    pub const SUCCEEDED: &str = "Succeeded";
    /// The first visit; nothing was looked at yet.
    pub const PROGRESSING: &str = "Progressing";
    /// Something failed that is tried again by itself.
    pub const PROGRESSING_WITH_RETRY: &str = "ProgressingWithRetry";
    /// Policy Observe: all was looked at and nothing written; the condition InSync and `status.plan` say what was found.
    pub const OBSERVED: &str = "Observed";
    /// `suspend` is true here or above: nothing is looked at.
    pub const SUSPENDED: &str = "Suspended";
    /// Policy Observe: Manage would do what `status.plan` says.
    pub const CHANGES_PLANNED: &str = "ChangesPlanned";
    /// The settings are delivered, but whether a Hasura runs with them can not be seen: there is no `deploymentRef`, or `delivery.rollout` is None.
    pub const NOT_WATCHED: &str = "NotWatched";
    /// The object is being deleted and waits for something.
    pub const DELETING: &str = "Deleting";

    /// Waiting: the LogtoTenant named by `tenantRef` is not there.
    pub const TENANT_NOT_FOUND: &str = "TenantNotFound";
    /// Waiting: the LogtoTenant is there but not connected.
    pub const TENANT_NOT_READY: &str = "TenantNotReady";
    /// Waiting: the HasuraInstance named by `instanceRef` is not there.
    pub const INSTANCE_NOT_FOUND: &str = "InstanceNotFound";
    /// Waiting: the HasuraInstance is there but its API resource is not.
    pub const INSTANCE_NOT_READY: &str = "InstanceNotReady";
    /// Waiting: the Secret with the credentials is not there.
    pub const SECRET_NOT_FOUND: &str = "SecretNotFound";
    /// Waiting: the operator may not read the Secret.
    pub const SECRET_FORBIDDEN: &str = "SecretForbidden";
    /// Waiting: the ConfigMap or Secret that `caBundleRef` names is not there.
    pub const CA_BUNDLE_NOT_FOUND: &str = "CaBundleNotFound";
    /// Waiting: the operator may not read what `caBundleRef` names.
    pub const CA_BUNDLE_FORBIDDEN: &str = "CaBundleForbidden";
    /// Waiting: Logto does not answer.
    pub const LOGTO_UNREACHABLE: &str = "LogtoUnreachable";
    /// Waiting: Logto asked to slow down.
    pub const LOGTO_THROTTLED: &str = "LogtoThrottled";
    /// Waiting: the key set does not answer at the address that Hasura will use; Hasura would crash.
    pub const JWKS_UNREACHABLE: &str = "JwksUnreachable";
    /// Waiting: the Deployment named by `deploymentRef` is not there.
    pub const DEPLOYMENT_NOT_FOUND: &str = "DeploymentNotFound";
    /// Waiting: the new pods are starting; the message says when they fail, and with what.
    pub const ROLLING_OUT: &str = "RollingOut";
    /// Waiting: the Deployment is scaled to 0, and no pod has shown yet that it runs with the settings.
    pub const NO_REPLICAS: &str = "NoReplicas";
    /// Waiting: the container has no readiness probe; its pods count as rolled out only after 30 s without a restart.
    pub const STARTS_UNSEEN: &str = "StartsUnseen";
    /// Waiting: the object that holds the same thing is being deleted.
    pub const WAITING_FOR_RELEASE: &str = "WaitingForRelease";
    /// Waiting: the API server refused or failed; tried again.
    pub const KUBERNETES_ERROR: &str = "KubernetesError";
    /// Waiting: the claims are deployed with the next write of the script, at most ten seconds later.
    pub const CLAIMS_PENDING: &str = "ClaimsPending";
    /// Waiting: the LogtoTenant could not deploy the claims; its condition ClaimsDeployed says why.
    pub const CLAIMS_NOT_DEPLOYED: &str = "ClaimsNotDeployed";
    /// Waiting: the key set may not be cached, so each Hasura fetches it each minute, before 2.41 each second. Use Hasura 2.41 or later, or let a proxy answer with `Cache-Control: max-age=60`.
    pub const REFRESHED_EACH_TICK: &str = "RefreshedEachTick";
    /// Waiting: the key set has no caching header (Logto before 1.39), so a running Hasura never reads it again. The operator rolls the Deployment when keys change; a newer Logto, or a proxy that adds the header, spares that.
    pub const NEVER_REFRESHED: &str = "NeverRefreshed";
    /// Waiting: an origin of `signInEndpoints` does not answer, or not with all of the tenant's keys; Hasuras keep the issuer that they have.
    pub const SIGN_IN_UNREACHABLE: &str = "SignInUnreachable";
    /// Waiting: people sign in at origins of several issuers, and Hasura can check one alone, so it checks none: audience and keys guard it.
    pub const SEVERAL_ISSUERS: &str = "SeveralIssuers";
    /// Waiting: some subjects are not assigned; `status.subjects` says which and why.
    pub const SUBJECTS_NOT_FOUND: &str = "SubjectsNotFound";
    /// Waiting: the role holds scopes that the binding did not give it. Nobody is assigned and it is not made a default role until they are taken off in Logto.
    pub const EXTRA_SCOPES_HELD: &str = "ExtraScopesHeld";
    /// Waiting: a user chooses the value himself at any sign-in; nothing may be permitted because of it.
    pub const USER_EDITABLE: &str = "UserEditable";
    /// Waiting: `deploymentRef.container` is not set, and the Deployment was changed so that another container would be taken by now, or none could be told. The settings stay where they are.
    pub const RESOLVES_ELSEWHERE: &str = "ResolvesElsewhere";

    /// Waiting: the image is not hasura/graphql-engine, so it may bring settings of its own: a webhook or JWT secret with which Hasura does not accept Logto's tokens, or a role for callers without a token.
    pub const OWN_IMAGE: &str = "OwnImage";
    /// Waiting: a shell or another program starts Hasura, and what it sets wins over the container's env.
    pub const OWN_COMMAND: &str = "OwnCommand";
    /// Waiting: the operator may not read a source of the container's `envFrom`, which may hold settings of Hasura's.
    pub const SOURCE_UNREADABLE: &str = "SourceUnreadable";
    /// Waiting: whoever may read the Deployment or the ConfigMap is the superuser in Hasura.
    pub const STANDS_IN_PLAIN_TEXT: &str = "StandsInPlainText";

    /// Waiting: another namespace's consent was withdrawn; what it granted is taken out of the claims.
    pub const CONSENT_WITHDRAWN: &str = "ConsentWithdrawn";
    /// Waiting: the Deployment does not refer to the Secret or ConfigMap with the settings, or still refers to a key of it that is no setting any more; the message has the lines to put in, or the entry to take out.
    pub const NOT_REFERENCED: &str = "NotReferenced";

    /// Change something: namespaces are selected by labels, but the operator may not list namespaces. Give it that right, or name them.
    pub const NAMESPACES_UNREADABLE: &str = "NamespacesUnreadable";
    /// Change something: the instance does not let bindings of this namespace say who is given the role.
    pub const SUBJECTS_FORBIDDEN: &str = "SubjectsForbidden";
    /// Change something: a Secret or ConfigMap of the name in `delivery.name` is there and was not made by the operator.
    pub const DELIVERY_TAKEN: &str = "DeliveryTaken";
    /// Change something: the Deployment reads the Secret or ConfigMap with the settings as something else, such as its admin secret.
    pub const DELIVERY_MISREAD: &str = "DeliveryMisread";
    /// Change something: somebody keeps setting the env entries back or taking them away, and the operator gave up after five turns in ten minutes.
    pub const FIELD_FIGHT: &str = "FieldFight";
    /// Change something: the Secret lacks a key, or its endpoint is not an https origin.
    pub const CREDENTIALS_INVALID: &str = "CredentialsInvalid";
    /// Change something: `credentialsSecretRef.keys` names keys of a Secret that does not have the label `logto-hasura.dev/credentials: "true"`.
    pub const CREDENTIALS_NOT_LABELLED: &str = "CredentialsNotLabelled";
    /// Change something: the operator's flag `--allow-logto-host` does not name the host of an endpoint.
    pub const HOST_NOT_ALLOWED: &str = "HostNotAllowed";
    /// Change something: the key that `caBundleRef` names is not there or holds no CA certificate.
    pub const CA_BUNDLE_INVALID: &str = "CaBundleInvalid";
    /// Change something: Logto refuses the credentials, or the application lacks "Logto Management API access".
    pub const CREDENTIALS_REFUSED: &str = "CredentialsRefused";
    /// Change something: the key set at `endpointForHasura` is not that of the tenant.
    pub const JWKS_MISMATCH: &str = "JwksMismatch";
    /// Change something: Logto's discovery document points elsewhere.
    pub const DISCOVERY_REFUSED: &str = "DiscoveryRefused";
    /// Change something: an origin of `signInEndpoints` is not the tenant's Logto, or redirects; it is not used.
    pub const SIGN_IN_REFUSED: &str = "SignInRefused";
    /// Change something: the Logto Cloud plan of the tenant is used up; the message says what of it.
    pub const PLAN_LIMIT: &str = "PlanLimit";
    /// Change something: Logto refused a request in a way that a retry can not mend.
    pub const LOGTO_REFUSED: &str = "LogtoRefused";
    /// Change something: another LogtoTenant stands for the same tenant: one whose issuer is proved to be its own, else the older one.
    pub const TENANT_TAKEN: &str = "TenantTaken";
    /// Change something: another HasuraInstance has this indicator.
    pub const INDICATOR_TAKEN: &str = "IndicatorTaken";
    /// Change something: another HasuraInstance has this Deployment.
    pub const DEPLOYMENT_TAKEN: &str = "DeploymentTaken";
    /// Change something: another HasuraInstance of the tenant has an empty role name prefix too.
    pub const PREFIX_TAKEN: &str = "PrefixTaken";
    /// Change something: another HasuraRoleBinding of the instance has this Hasura role.
    pub const HASURA_ROLE_TAKEN: &str = "HasuraRoleTaken";
    /// Change something: another HasuraRoleBinding of the instance has this scope.
    pub const SCOPE_TAKEN: &str = "ScopeTaken";
    /// Change something: another HasuraRoleBinding of the tenant has this role name.
    pub const ROLE_TAKEN: &str = "RoleTaken";
    /// Change something: an API resource with this indicator exists in Logto and was not made by the operator.
    pub const API_RESOURCE_CONFLICT: &str = "ApiResourceConflict";
    /// Change something: a scope of this name exists in Logto and was not made for this binding.
    pub const SCOPE_CONFLICT: &str = "ScopeConflict";
    /// Change something: a role of this name exists in Logto and was not made for this binding.
    pub const ROLE_CONFLICT: &str = "RoleConflict";
    /// Change something: the role in Logto is of the other type.
    pub const ROLE_TYPE_CONFLICT: &str = "RoleTypeConflict";
    /// Change something: the role's name does not start with the prefix, or is too long with it.
    pub const ROLE_NAME_INVALID: &str = "RoleNameInvalid";
    /// Change something: the role's description does not fit beside the ownership mark.
    pub const DESCRIPTION_TOO_LONG: &str = "DescriptionTooLong";
    /// Change something: the role is the instance's `unauthorizedRole`, or the one that its Deployment sets, which anonymous callers have.
    pub const UNAUTHORIZED_ROLE_BOUND: &str = "UnauthorizedRoleBound";
    /// Change something: Hasura would not start with what the spec asks for.
    pub const JWT_SECRET_INVALID: &str = "JwtSecretInvalid";
    /// Change something: the Deployment has no container of the name in `deploymentRef.container`, or none is named and it can not be told which one is Hasura.
    pub const CONTAINER_NOT_FOUND: &str = "ContainerNotFound";
    /// Change something: another field manager holds the env entry.
    pub const ENV_CONFLICT: &str = "EnvConflict";
    /// Change something: the env entry is set by `valueFrom`.
    pub const ENV_USES_VALUE_FROM: &str = "EnvUsesValueFrom";
    /// Waiting: the Deployment changed while it was looked at.
    pub const DEPLOYMENT_CHANGED: &str = "DeploymentChanged";
    /// Waiting: the operator may not patch the Deployment, or not read or write the Secret or ConfigMap with the settings, or an admission policy refused.
    pub const FORBIDDEN: &str = "Forbidden";
    /// Waiting: patching the Deployment failed; tried again.
    pub const APPLY_FAILED: &str = "ApplyFailed";
    /// Waiting: a source of the container's `envFrom`, or what its entry for the role of callers without a token refers to, could not be read; tried again.
    pub const ENV_FROM_UNREADABLE: &str = "EnvFromUnreadable";
    /// Change something: Hasura has no admin secret, so it would not start, or take everybody for admin.
    pub const ADMIN_SECRET_MISSING: &str = "AdminSecretMissing";
    /// Change something: it can not be told whether Hasura has an admin secret.
    pub const ADMIN_SECRET_UNKNOWN: &str = "AdminSecretUnknown";
    /// Change something: the admin secret is disabled, and nothing else would authenticate.
    pub const NOTHING_AUTHENTICATES: &str = "NothingAuthenticates";
    /// Change something: a webhook is set beside the JWT secret, with which Hasura does not start.
    pub const AUTH_HOOK_SET: &str = "AuthHookSet";
    /// Change something: the shell or program that starts Hasura names a variable or flag that would win over the operator's env entry.
    pub const COMMAND_SETS_AUTH: &str = "CommandSetsAuth";
    /// Change something: a flag of the container wins over the operator's env entry.
    pub const FLAG_WINS: &str = "FlagWins";
    /// Change something: HASURA_GRAPHQL_JWT_SECRETS wins over the operator's env entry.
    pub const PLURAL_SECRET_WINS: &str = "PluralSecretWins";
    /// Change something: the cluster does not keep the env entry as it is applied.
    pub const ENV_NOT_KEPT: &str = "EnvNotKept";
    /// Change something: somebody else sets an unauthorized role that Hasura would not start with.
    pub const UNAUTHORIZED_ROLE_INVALID: &str = "UnauthorizedRoleInvalid";
    /// Change something: something gives callers without a token a role that can not be seen, so it may be a role of signed-in users, or admin.
    pub const UNAUTHORIZED_ROLE_UNKNOWN: &str = "UnauthorizedRoleUnknown";
    /// Change something: the rollout would stop all old pods before a new one is ready.
    pub const STRATEGY_STOPS_ALL_PODS: &str = "StrategyStopsAllPods";
    /// Change something: an env entry of the operator's name is there more than once.
    pub const ENV_DUPLICATED: &str = "EnvDuplicated";
    /// Change something: another manager changed the value of an entry that the operator made.
    pub const VALUE_TAKEN_OVER: &str = "ValueTakenOver";
    /// Change something: `deploymentRef.name` was changed several times before a Deployment that it named was rolled out.
    pub const TOO_MANY_MOVES: &str = "TooManyMoves";
    /// Change something: the rollout passed its progress deadline, or its pods do not stay up; the message says what the new pods wait for.
    pub const ROLLOUT_STUCK: &str = "RolloutStuck";
    /// Waiting: the Deployment is paused.
    pub const ROLLOUT_PAUSED: &str = "RolloutPaused";
    /// Change something: the tenant's `customClaims.machines` is Ignore, so no machine would get the role.
    pub const MACHINE_CLAIMS_IGNORED: &str = "MachineClaimsIgnored";
    /// Change something: somebody else wrote the Custom JWT script; `customClaims.existingScript` says what to do with it.
    pub const FOREIGN_SCRIPT: &str = "ForeignScript";
    /// Change something: the operator's marks in the script are damaged, so it can not tell whose text is whose.
    pub const SCRIPT_DAMAGED: &str = "ScriptDamaged";
    /// Change something: logto's dry run of the script failed or gave other claims than it should.
    pub const SCRIPT_REFUSED: &str = "ScriptRefused";
    /// Waiting: the script was written, but Logto gave another one back: somebody else writes it too.
    pub const SCRIPT_NOT_KEPT: &str = "ScriptNotKept";
    /// Change something: the claims of the instance pass 64 KiB or 500 roles, or the tenant has no room for them; the last good ones stay.
    pub const CLAIMS_TOO_LARGE: &str = "ClaimsTooLarge";
    /// Change something: another installation of the operator publishes claims for this indicator.
    pub const AUDIENCE_TAKEN: &str = "AudienceTaken";
    /// Change something: the tenant's `webhookMode` is Forbid.
    pub const WEBHOOK_FORBIDDEN: &str = "WebhookForbidden";
    /// Change something: a role `admin` is in the tenant: in mode Webhook whoever holds it is the superuser in Hasura.
    pub const ADMIN_ROLE_IN_TENANT: &str = "AdminRoleInTenant";
    /// Change something: in mode Webhook every role of the tenant works by its name, so no other instance may use the tenant.
    pub const TENANT_SHARED: &str = "TenantShared";
    /// Change something: in mode Webhook the Logto role has to be named as the Hasura role.
    pub const ROLE_NAME_DIFFERS: &str = "RoleNameDiffers";
    /// Change something: in mode Webhook Logto does not look at the roles of machines.
    pub const MACHINE_ROLE_IN_WEBHOOK_MODE: &str = "MachineRoleInWebhookMode";
    /// Change something: somebody else sets a JWT secret beside the webhook, with which Hasura does not start.
    pub const JWT_SECRET_SET: &str = "JwtSecretSet";
}
