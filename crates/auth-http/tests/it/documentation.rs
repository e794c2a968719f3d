//! `docs/api.md` compared with the endpoints.

use std::{collections::BTreeSet, fs, path::Path};

use auth_core::{Auth, Options};
use auth_http::{AuthRoutes, HttpOptions, Registration, ResetDelivery};

use crate::support::{TestApp, development};

/// `METHOD /path` of every operation that some options enable.
async fn operations() -> BTreeSet<String> {
    let app = TestApp::start().await;
    let auth = Auth::start(app.db.clone(), Options::default()).unwrap();
    let mut operations = BTreeSet::new();
    for reset in [ResetDelivery::InResponse, ResetDelivery::Mail, ResetDelivery::MailAndPage] {
        for registration in [Registration::Open, Registration::Closed] {
            let options = HttpOptions { reset, registration, ..development() };
            for endpoint in AuthRoutes::new(auth.clone(), options).unwrap().endpoints() {
                let methods = endpoint.operations.iter().map(|operation| operation.method.to_string());
                operations.extend(methods.map(|method| format!("{method} {}", endpoint.path)));
            }
        }
    }
    operations
}

/// asvs 6.1.3, 6.3.4: the documented routes are those that can be called.
#[actix_web::test]
async fn every_route_is_documented() {
    let api = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api.md");
    let text = fs::read_to_string(api).unwrap();
    // The first cell of each row of the table begins with one or more routes.
    let documented: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .filter(|code| code.split_once(' ').is_some_and(|(_, path)| path.starts_with('/')))
        .map(str::to_owned)
        .collect();

    assert_eq!(documented, operations().await);
}
