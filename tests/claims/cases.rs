//! Generated tokens: mostly near to what grants something, with hostile names and wrong shapes in every place.
//!
//! Each case has a number that gives it again. A generator that can shrink was twenty times slower than the engine.

use logto_hasura::domain::claims::program::Kind;
use serde_json::{Map, Value, json};

use crate::world::{AUD, ELSEWHERE, MANAGEMENT, NS, OPERATOR, Variables};

#[derive(Clone, Debug)]
pub struct Case {
    pub kind: Kind,
    pub variables: Variables,
    pub token: Value,
    pub context: Value,
}

const HOSTILE: [&str; 17] = [
    "admin",
    "Admin",
    "ADMIN",
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "length",
    "a\"b\\",
    "line\u{2028}sep\u{2029}",
    "new\nline\0",
    "",
    "two words",
    "\u{FF5E}",
    "\u{1F600}",
    "(none)",
    "0",
];
const ROLES: [&str; 4] = ["user", "reader", "editor", "user:writer"];
const SCOPES: [&str; 4] = ["read", "edit", "read:user", "write"];
/// Where lists are, mostly.
const LIST_PATHS: [&str; 8] = [
    "user.customData.list",
    "user.customData.list",
    "user.customData.a",
    "user.customData.a.b",
    "user.customData.list.0",
    "user.profile.nickname",
    "organization.id",
    "user.roles",
];
const PATHS: [&str; 23] = [
    "user.customData.list",
    "user.id",
    "user.primaryEmail",
    "organization.id",
    "organization.id",
    "user.name",
    "user.profile.nickname",
    "user.profile.address.country",
    "user.customData.a",
    "user.customData.a.b",
    "user.customData.a.b.c",
    "user.customData.a.b.c.d",
    "user.customData.list.0",
    "user.customData.list.length",
    "user.customData.__proto__",
    "user.customData.__proto__.a",
    "user.customData",
    "user.customData..a",
    "user.customData.a.",
    "user.roles",
    "user.name.length",
    "application.id",
    "",
];
const VARIABLES: [&str; 12] = [
    "x-hasura-org-id",
    "x-hasura-a",
    "x-hasura-b_2",
    "x-hasura-c",
    "x-hasura-role",
    "x-hasura-user-id",
    "x-hasura-allowed-roles",
    "x-hasura-default-role",
    "X-Hasura-Role",
    "x-hasura-",
    "x-hasura-Ä",
    "other",
];

/// Pseudo-random choices, the same for the same number (SplitMix64).
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    fn name(&mut self, usual: &[&str]) -> String {
        match self.below(12) {
            0 | 1 => self.one(&HOSTILE).to_owned(),
            2 => (0..self.below(4))
                .filter_map(|_| char::from_u32(self.below(0x11_0000) as u32))
                .collect(),
            _ => self.one(usual).to_owned(),
        }
    }

    fn junk(&mut self) -> Value {
        self.one(&[
            json!(null),
            json!(true),
            json!(false),
            json!(0),
            json!(1),
            json!(-1.5),
            json!("text"),
            json!(""),
            json!([]),
            json!({}),
            json!([["user", "read"]]),
            json!(["user"]),
            json!({"0": "user", "length": 1}),
            json!([null, 5, "user"]),
            json!([["reader", "read", "edit"], ["reader"], []]),
        ])
    }

    /// An object of these fields, one of them now and then wrong or missing.
    fn object(&mut self, fields: Vec<(&str, Value)>) -> Value {
        let mut map = Map::new();
        for (name, value) in fields {
            match self.below(80) {
                0 => (),
                1 => drop(map.insert(name.to_owned(), self.junk())),
                _ => drop(map.insert(name.to_owned(), value)),
            }
        }
        map.into()
    }

    fn list(&mut self, most: usize, item: impl Fn(&mut Self) -> Value) -> Value {
        let count = self.below(most + 1);
        let item = |draw: &mut Self| {
            if draw.once_in(40) {
                draw.junk()
            } else {
                item(draw)
            }
        };
        (0..count).map(|_| item(self)).collect()
    }

    fn aud(&mut self) -> Value {
        match self.below(24) {
            0 => json!(ELSEWHERE),
            1 => json!(MANAGEMENT),
            2 => json!(""),
            _ => json!(AUD),
        }
    }

    fn entry(&mut self) -> Value {
        let pairs = |draw: &mut Self| json!([draw.name(&ROLES), draw.name(&SCOPES)]);
        let vars = |draw: &mut Self| json!([draw.one(&VARIABLES), draw.one(&PATHS)]);
        let lists = |draw: &mut Self| {
            let usual = draw.below(4) > 0;
            let names = if usual { &VARIABLES[..4] } else { &VARIABLES };
            json!([draw.one(names), draw.one(&LIST_PATHS)])
        };
        let role = |draw: &mut Self| draw.name(&ROLES).into();
        let namespace = match self.below(40) {
            0 => "roles",
            1 => "://",
            2 => "",
            _ => NS,
        };
        let fields = vec![
            ("v", json!(1 + u32::from(self.once_in(40)))),
            ("aud", self.aud()),
            ("ns", json!(namespace)),
            ("client", json!(OPERATOR)),
            ("everyone", self.list(2, role)),
            (
                "default",
                if self.once_in(3) {
                    json!(null)
                } else {
                    role(self)
                },
            ),
            (
                "source",
                json!(self.one(&[
                    "AssignedRoles",
                    "AssignedRoles",
                    "AssignedRoles",
                    "GrantedScopes",
                    "GrantedScopes",
                    "Other"
                ])),
            ),
            ("roles", self.list(6, pairs)),
            ("vars", self.list(4, vars)),
            ("lists", self.list(3, lists)),
        ];
        self.object(fields)
    }

    fn variables(&mut self) -> Variables {
        let count = if self.once_in(6) { 2 } else { 1 };
        let keys = [
            "LOGTO_HASURA_a_1",
            "LOGTO_HASURA_a_2",
            "LOGTO_HASURA_b_1",
            "LOGTO_HASURA_",
            "LOGTO_HASURA_a_1",
            "logto_hasura_a",
            "__proto__",
        ];
        let pair = |_| {
            let entry = self.entry();
            let text = match self.below(60) {
                0 => format!("{entry},"),
                1 => self.junk().to_string(),
                2 => self.name(&HOSTILE),
                _ => entry.to_string(),
            };
            let key = if self.once_in(4) {
                self.one(&keys)
            } else {
                "LOGTO_HASURA_a_1"
            };
            (key.to_owned(), text)
        };
        (0..count).map(pair).collect()
    }

    fn roles(&mut self) -> Value {
        self.list(5, |draw| {
            let scopes = draw.list(4, |draw| {
                let indicator = vec![("indicator", draw.aud())];
                let fields = vec![
                    ("name", draw.name(&SCOPES).into()),
                    ("resource", draw.object(indicator)),
                ];
                draw.object(fields)
            });
            let name = match draw.below(10) {
                0 => "#internal:x".to_owned(),
                1 => "#INTERNAL:x".to_owned(),
                _ => draw.name(&ROLES),
            };
            draw.object(vec![("name", name.into()), ("scopes", scopes)])
        })
    }

    fn token(&mut self) -> Value {
        let aud = self.aud();
        let aud = match self.below(12) {
            0 => json!([aud]),
            1 => json!([AUD, ELSEWHERE]),
            _ => aud,
        };
        let separator = self.one(&[" ", " ", " ", " ", "  ", "\t", ""]);
        let scopes: Vec<String> = (0..self.below(4)).map(|_| self.name(&SCOPES)).collect();
        let client = self.one(&["web", "web", "web", OPERATOR, ""]);
        let fields = vec![
            ("aud", aud),
            ("scope", scopes.join(separator).into()),
            ("clientId", json!(client)),
        ];
        self.object(fields)
    }

    fn scalar(&mut self) -> Value {
        match self.below(5) {
            0 => json!(self.next() as i64),
            1 => json!(f64::from_bits(self.next())),
            2 => json!(self.below(1000) as f64 / 8.0),
            3 => self.junk(),
            _ => self.name(&ROLES).into(),
        }
    }

    /// What a user may have stored about himself.
    fn stored(&mut self, depth: usize) -> Value {
        if depth == 0 || self.once_in(3) {
            return self.scalar();
        }
        if self.once_in(6) {
            return self.values();
        }
        let keys = [
            "a",
            "a",
            "b",
            "b",
            "c",
            "d",
            "list",
            "__proto__",
            "nickname",
            "address",
            "country",
        ];
        let pair = |_| (self.one(&keys).to_owned(), self.stored(depth - 1));
        Value::Object((0..4).map(pair).collect())
    }

    /// The same with a list in it, mostly.
    fn stored_with_a_list(&mut self) -> Value {
        let mut stored = self.stored(4);
        if let Some(fields) = stored.as_object_mut().filter(|_| !self.once_in(4)) {
            fields.insert("list".to_owned(), self.values());
        }
        stored
    }

    /// A list, now and then about as long as an array literal may be.
    fn values(&mut self) -> Value {
        match self.below(12) {
            0 => {
                let count = 99 + self.below(3);
                (0..count).map(|n| json!(n)).collect()
            }
            1 => {
                // Two units of a literal each, between braces and quotes.
                let letter = self.one(&["\"", "\\", "\u{1F600}"]);
                json!([letter.repeat(2045 + self.below(3))])
            }
            _ => self.list(3, |draw| draw.scalar()),
        }
    }

    fn context(&mut self) -> Value {
        let third_party = self.one(&[
            json!(false),
            json!(false),
            json!(false),
            json!(true),
            json!("false"),
            json!(0),
        ]);
        let application = self.object(vec![("id", json!("web")), ("isThirdParty", third_party)]);
        let user = vec![
            ("id", json!("u1")),
            ("roles", self.roles()),
            ("primaryEmail", self.scalar()),
            ("name", self.scalar()),
            ("profile", self.stored(3)),
            ("customData", self.stored_with_a_list()),
        ];
        let fields = vec![
            ("user", self.object(user)),
            ("application", application),
            ("organization", json!({"id": self.scalar()})),
        ];
        self.object(fields)
    }
}

/// The case of a number.
pub fn case(number: u64) -> Case {
    let mut draw = Draw(number);
    Case {
        kind: if draw.once_in(4) {
            Kind::Machines
        } else {
            Kind::Users
        },
        variables: draw.variables(),
        token: if draw.once_in(60) {
            draw.junk()
        } else {
            draw.token()
        },
        context: if draw.once_in(60) {
            draw.junk()
        } else {
            draw.context()
        },
    }
}
