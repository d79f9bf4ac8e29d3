//! What an API resource can be called, which becomes the audience of its tokens to the letter.

use super::{
    good::Good,
    object::instance,
    refusal::{Bad, NOT_TEXT, PATTERN, REQUIRED, TOO_LONG},
    texts::uri,
};
use serde_json::{Value, json};

const FIELD: &str = "spec.apiResource.indicator";

/// What is no absolute URI without `&`, `#`, `%` and spaces.
const NOT_URIS: &[(&str, &str)] = &[
    ("&, another parameter of the hook", "https://a.example/?a&b"),
    ("#, no token can be asked for", "https://a.example/#b"),
    ("%", "https://a.example/%67raphql"),
    ("a space", "https://a.example/v1 graphql"),
    ("a space before it", " https://a.example/graphql"),
    ("a space after it", "https://a.example/graphql "),
    ("a tab", "https://a.example/v1\tgraphql"),
    ("a line break at its end", "https://a.example/graphql\n"),
    ("two lines", "https://a.example\nhttps://b.example"),
    ("a quotation mark", "https://a.example/\"graphql"),
    ("a backslash", "https://a.example\\graphql"),
    ("a letter outside ASCII", "https://bücher.example"),
    ("no scheme", "shop.example.com/v1/graphql"),
    ("a path", "/v1/graphql"),
    ("a scheme only", "https:"),
    ("a scheme in capitals", "HTTPS://a.example/graphql"),
];

/// Logto could never change or delete such a resource again.
const MANAGEMENT_APIS: &[(&str, &str)] = &[
    ("Logto's own", "https://default.logto.app/api"),
    ("Logto's own in its cloud", "https://4f9-x2.logto.app/api"),
];

const RESERVED: &[(&str, &str)] = &[
    ("organizations", "urn:logto:resource:organizations"),
    ("one organization", "urn:logto:organization:org1"),
];

/// Logto answers invalid_target to a client that asks for these.
const DEFAULT_PORTS: &[(&str, &str)] = &[
    ("https, port 443", "https://a.example:443/v1/graphql"),
    ("https, port 443, no path", "https://a.example:443"),
    ("https, port 443, a query", "https://a.example:443?b=1"),
    ("http, port 80", "http://a.example:80/v1/graphql"),
    ("http, port 80, no path", "http://a.example:80"),
];

const CAPITALS: &[(&str, &str)] = &[
    ("a capital in the host", "https://Shop.example.com/graphql"),
    ("a capital at the host's end", "http://hasurA:8080"),
];

pub fn bad() -> Vec<Bad> {
    let good = instance();
    let field = good.field(FIELD);
    let mut rows = vec![
        field.missing(),
        field.bad("null", Value::Null, REQUIRED),
        field.bad("3 characters", "a:b", "at least 4 chars long"),
        field.bad("257 characters", uri(257), TOO_LONG),
        field.bad("an object", json!({}), NOT_TEXT),
    ];
    rows.extend(field.bad_texts(NOT_URIS, PATTERN));
    rows.extend(field.bad_texts(MANAGEMENT_APIS, "names a Logto Management API"));
    rows.extend(field.bad_texts(RESERVED, "urn:logto: is reserved by Logto"));
    rows.extend(field.bad_texts(DEFAULT_PORTS, "states the default port"));
    rows.extend(field.bad_texts(CAPITALS, "the host has to be lower case"));
    rows
}

pub fn good() -> Vec<Good> {
    let good = instance();
    let field = good.field(FIELD);
    vec![
        field.good("4 characters", "a://"),
        field.good("256 characters", uri(256)),
        field.good("/ at its end", "https://shop.example.com/"),
        field.good("no path", "https://shop.example.com"),
        field.good("a port", "https://a.example:8443/v1/graphql"),
        field.good("a Service", "http://hasura.shop.svc:8080/v1/graphql"),
        field.good("http's port for https", "https://a.example:80/b"),
        field.good("https's port for http", "http://a.example:443/b"),
        field.good("a port that starts alike", "https://a.example:4430"),
        field.good("the port in the path", "https://a.example/b:443"),
        field.good("capitals in the path", "https://a.example/V1/GraphQL"),
        field.good("capitals in a query", "https://a.example?View=A"),
        field.good("a query", "https://a.example/v1/graphql?tenant=a"),
        field.good("a URN", "urn:example:Shop"),
        field.good("a scheme of one's own", "api://shop"),
        field.good("below Logto's own", "https://default.logto.app/api/b"),
        field.good("a host below Logto's", "https://a.b.logto.app/api"),
        field.good("a host like Logto's", "https://a.logtoxapp/api"),
    ]
}
