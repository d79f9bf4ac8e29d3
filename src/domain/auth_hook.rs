//! The address that Hasura asks in mode Webhook: Logto's endpoint for Hasura.

use url::Url;

/// Source: logto-io/logto `packages/core/src/routes/authn.ts`.
const PATH: &str = "/api/authn/hasura";

/// The hook at Logto's origin, for one API resource; callers whose role is not sent or not held get `unauthorized_role`,
/// and without one are refused.
///
/// The values are escaped: an indicator with an `&` in it once gave the role `admin` without any token.
pub fn auth_hook(logto: &Url, indicator: &str, unauthorized_role: Option<&str>) -> Url {
    let mut url = logto.clone();
    url.set_path(PATH);
    url.set_fragment(None);
    let mut query = url.query_pairs_mut();
    query.clear().append_pair("resource", indicator);
    if let Some(role) = unauthorized_role {
        query.append_pair("unauthorizedRole", role);
    }
    drop(query);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDICATOR: &str = "https://shop.example.com/v1/graphql";

    fn hook(logto: &str, indicator: &str, role: Option<&str>) -> String {
        auth_hook(&Url::parse(logto).unwrap(), indicator, role).to_string()
    }

    #[test]
    fn the_hook_is_at_the_origin_that_hasura_uses() {
        let expected = "http://logto.auth.svc:3001/api/authn/hasura\
                        ?resource=https%3A%2F%2Fshop.example.com%2Fv1%2Fgraphql";
        for logto in [
            "http://logto.auth.svc:3001",
            "http://logto.auth.svc:3001/oidc/jwks?a=b#c",
        ] {
            assert_eq!(hook(logto, INDICATOR, None), expected);
        }
        let with_role = hook("http://logto.auth.svc:3001", INDICATOR, Some("anonymous"));
        assert_eq!(with_role, format!("{expected}&unauthorizedRole=anonymous"));
    }

    #[test]
    fn no_character_of_an_indicator_or_a_role_ends_its_value() {
        for text in [
            "https://h/?a=1&unauthorizedRole=admin",
            "https://h/a+b;c#d%26e f",
            "urn:ü:\u{2028}\n",
            "Window Shopper",
        ] {
            let url = Url::parse(&hook("https://logto.example.com", text, Some(text))).unwrap();
            let pairs: Vec<_> = url.query_pairs().into_owned().collect();
            let [resource, role] = pairs.as_slice() else {
                panic!("{url}");
            };
            assert_eq!(resource, &("resource".to_owned(), text.to_owned()));
            assert_eq!(role, &("unauthorizedRole".to_owned(), text.to_owned()));
            assert_eq!(url.fragment(), None);
        }
    }
}
