//! `/api/applications`.

use serde::Serialize;

use super::{application, listed};
use crate::{
    answer::{Answer, Reply},
    call::Call,
    errors,
    guard::{self, Form},
    logto::Logto,
    pagination::Page,
    search::{Column, Search},
    store::{Application, ApplicationSecret, ApplicationType, NewApplication},
};

const TYPES: [&str; 4] = ["Native", "SPA", "Traditional", "MachineToMachine"];
const COLUMNS: [&str; 3] = ["id", "name", "description"];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WithAdmin<'a> {
    #[serde(flatten)]
    application: &'a Application,
    is_admin: bool,
}

pub(super) fn list(logto: &mut Logto, call: &Call) -> Reply {
    let page = Page::if_asked(call)?;
    guard::query_choice(call, "types", &TYPES)?;
    let kinds: Vec<ApplicationType> = call
        .query
        .iter()
        .filter(|(key, _)| key == "types")
        .map(|(_, value)| type_of(value))
        .collect();
    let search = Search::of(call, &COLUMNS)?;
    let excluded = call.query_value("excludeRoleId");
    let mut applications = logto.store.applications();
    applications.retain(|row| {
        let base = (kinds.is_empty() || kinds.contains(&row.kind))
            && excluded.is_none_or(|role| !logto.store.application_holds(&row.id, role));
        search.finds(base, &columns(row))
    });
    Ok(listed(call, page.as_ref(), applications))
}

pub(super) fn create(logto: &mut Logto, call: &Call) -> Reply {
    let mut form = Form::of(call)?;
    let name = form.text("name", 1, 256);
    let description = form.nullable_text("description").flatten();
    let kind = form.choice("type", &TYPES);
    let oidc = form.optional_object("oidcClientMetadata");
    let custom = form.optional_object("customClientMetadata");
    let data = form.optional_object("customData");
    let is_third_party = form.optional_flag("isThirdParty");
    form.done()?;
    let mut new = NewApplication::named(&name, type_of(&kind));
    new.description = description.filter(|text| !text.is_empty());
    new.oidc_client_metadata.extend(oidc.unwrap_or_default());
    new.custom_client_metadata = custom.unwrap_or_default();
    new.custom_data = data.unwrap_or_default();
    new.is_third_party = is_third_party.unwrap_or_default();
    let made = logto.store.insert_application(new);
    Ok(Answer::json(200, &made.map_err(errors::violated)?))
}

pub(super) fn get(logto: &mut Logto, call: &Call) -> Reply {
    let application = application(logto, call.id())?;
    let is_admin = logto
        .store
        .role_by_name("#internal:admin")
        .is_some_and(|role| logto.store.application_holds(&application.id, &role.id));
    let row = WithAdmin {
        application,
        is_admin,
    };
    Ok(Answer::json(200, &row))
}

pub(super) fn secrets(logto: &mut Logto, call: &Call) -> Reply {
    let secrets: Vec<&ApplicationSecret> = logto.store.secrets_of(call.id()).collect();
    Ok(Answer::json(200, &secrets))
}

fn columns(row: &Application) -> [Column<'_>; 3] {
    [
        ("id", Some(&row.id)),
        ("name", Some(&row.name)),
        ("description", row.description.as_deref()),
    ]
}

fn type_of(text: &str) -> ApplicationType {
    match text {
        "Native" => ApplicationType::Native,
        "SPA" => ApplicationType::Spa,
        "Traditional" => ApplicationType::Traditional,
        _ => ApplicationType::MachineToMachine,
    }
}
