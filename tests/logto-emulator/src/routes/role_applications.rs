//! `/api/roles/:id/applications`.

use super::{application, listed, role};
use crate::{
    answer::{Answer, Reply},
    call::Call,
    errors,
    guard::Form,
    logto::Logto,
    pagination::Page,
    store::{Application, ApplicationType, Store},
};

pub(super) fn list(logto: &mut Logto, call: &Call) -> Reply {
    let page = Page::of(call)?;
    role(logto, call.id())?;
    let mut applications: Vec<&Application> = logto
        .store
        .applications_of_role(call.id())
        .filter(|row| row.kind == ApplicationType::MachineToMachine)
        .collect();
    logto.switches.mix(&mut applications);
    Ok(listed(call, Some(&page), applications))
}

/// The application's type is not checked: Logto takes a web application here.
pub(super) fn assign(logto: &mut Logto, call: &Call) -> Reply {
    let mut form = Form::of(call)?;
    let application_ids = form.ids("applicationIds", true);
    form.done()?;
    role(logto, call.id())?;
    if application_ids
        .iter()
        .any(|id| logto.store.application_holds(id, call.id()))
    {
        // Logto fills another placeholder than the one that its message has.
        return Err(errors::coded(
            422,
            "role.application_exists",
            "The application id {{applicationId}} is already been added to this role",
        ));
    }
    for id in &application_ids {
        application(logto, id)?;
    }
    let pairs: Vec<(&str, &str)> = application_ids
        .iter()
        .map(|id| (id.as_str(), call.id()))
        .collect();
    insert_links(logto, &pairs)?;
    Ok(Answer::text(201, "Created"))
}

pub(super) fn unassign(logto: &mut Logto, call: &Call) -> Reply {
    logto
        .store
        .unassign_from_application(call.second_id(), call.id())
        .map_err(errors::violated)?;
    Ok(Answer::empty(204))
}

/// Links all pairs or none.
pub(super) fn insert_links(logto: &mut Logto, pairs: &[(&str, &str)]) -> Result<(), Answer> {
    logto
        .store
        .insert_links(
            pairs,
            Store::assign_to_application,
            Store::unassign_from_application,
        )
        .map_err(errors::violated)
}
