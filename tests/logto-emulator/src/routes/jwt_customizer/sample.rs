//! The shapes of a sample's token and context (packages/schemas/src/types/logto-config/jwt-customizer.ts of Logto).

use crate::{guard::Form, store::TokenKind};

const ANY_LENGTH: usize = usize::MAX;

/// The token: an unknown key is refused.
pub(super) fn token(form: &mut Form, kind: TokenKind) {
    texts(form, &["jti", "scope", "clientId"]);
    form.optional_text_or_texts("aud");
    match kind {
        TokenKind::ClientCredentials => {
            form.optional_literal("kind", "ClientCredentials");
            form.only(&["jti", "aud", "scope", "clientId", "kind"]);
        }
        TokenKind::AccessToken => {
            texts(form, &["accountId", "grantId", "gty", "sessionUid", "sid"]);
            form.optional_flag("expiresWithSession");
            form.optional_literal("kind", "AccessToken");
            form.only(&[
                "jti",
                "aud",
                "scope",
                "clientId",
                "kind",
                "accountId",
                "grantId",
                "gty",
                "sessionUid",
                "sid",
                "expiresWithSession",
            ]);
        }
    }
}

/// The context: an unknown key is stripped.
pub(super) fn context(form: &mut Form, kind: TokenKind) {
    form.optional_object("application");
    if kind == TokenKind::ClientCredentials {
        form.keep(&["application"]);
        return;
    }
    form.required("user", "object");
    form.within("user", user);
    for part in ["grant", "interaction", "organization"] {
        form.optional_object(part);
    }
    form.optional_texts("signInContext");
    form.keep(&[
        "user",
        "grant",
        "interaction",
        "signInContext",
        "application",
        "organization",
    ]);
}

fn user(form: &mut Form) {
    const NULLABLE: [&str; 7] = [
        "username",
        "primaryEmail",
        "primaryPhone",
        "name",
        "avatar",
        "applicationId",
        "cimdClientId",
    ];
    const OTHERS: [&str; 14] = [
        "id",
        "customData",
        "identities",
        "profile",
        "lastSignInAt",
        "createdAt",
        "updatedAt",
        "isSuspended",
        "hasPassword",
        "ssoIdentities",
        "mfaVerificationFactors",
        "roles",
        "organizations",
        "organizationRoles",
    ];
    texts(form, &["id"]);
    for key in NULLABLE {
        form.optional_or_null(key, "string");
    }
    for key in ["customData", "identities", "profile"] {
        form.optional_object(key);
    }
    form.optional_or_null("lastSignInAt", "number");
    form.optional_number("createdAt");
    form.optional_number("updatedAt");
    form.optional_flag("isSuspended");
    form.optional_flag("hasPassword");
    form.each("ssoIdentities", |identity| {
        required_texts(identity, &["issuer", "identityId"]);
        required_object(identity, "detail");
    });
    form.optional_ids("mfaVerificationFactors");
    form.each("roles", role);
    form.each("organizations", |organization| {
        required_texts(organization, &["id", "name"]);
        required_or_null(organization, "description");
        organization.keep(&["id", "name", "description"]);
    });
    form.each("organizationRoles", |role| {
        required_texts(role, &["organizationId", "roleId", "roleName"]);
        role.keep(&["organizationId", "roleId", "roleName"]);
    });
    form.keep(&[&NULLABLE[..], &OTHERS[..]].concat());
}

/// A role has to be complete, down to the resources of its scopes.
fn role(form: &mut Form) {
    required_texts(form, &["id", "name", "description"]);
    form.required("scopes", "array");
    form.each("scopes", |scope| {
        required_texts(scope, &["id", "name", "resourceId"]);
        required_or_null(scope, "description");
        scope.required("resource", "object");
        scope.within("resource", resource);
        scope.keep(&["id", "name", "description", "resourceId", "resource"]);
    });
    form.keep(&["id", "name", "description", "scopes"]);
}

fn resource(form: &mut Form) {
    required_texts(form, &["tenantId", "id", "name", "indicator"]);
    form.flag("isDefault");
    form.required("accessTokenTtl", "number");
    form.optional_number("accessTokenTtl");
    form.keep(&[
        "tenantId",
        "id",
        "name",
        "indicator",
        "isDefault",
        "accessTokenTtl",
    ]);
}

fn texts(form: &mut Form, keys: &[&str]) {
    for key in keys {
        form.optional_text(key, 0, ANY_LENGTH);
    }
}

fn required_texts(form: &mut Form, keys: &[&str]) {
    for key in keys {
        form.text(key, 0, ANY_LENGTH);
    }
}

fn required_or_null(form: &mut Form, key: &str) {
    form.required(key, "string");
    form.optional_or_null(key, "string");
}

fn required_object(form: &mut Form, key: &str) {
    form.required(key, "object");
    form.optional_object(key);
}
