//! Pages that call the service from a browser: its own in the console, and one of another port.

use std::{net::SocketAddr, thread};

use serde_json::Value;
use test_servers::{Kind, kind};

use crate::support::{ADA, Browser, PASSWORD, Server, free_address};

/// The calls that documents and READMEs of the exercise show.
#[tokio::test]
async fn the_console_of_the_first_page_can_call_the_service() {
    // A page knows nothing of databases.
    if kind() != Kind::Sqlite {
        return;
    }
    let Some(browser) = Browser::start("en").await else { return };
    let server = Server::start();
    browser.open(&format!("http://{}/", server.address)).await;
    let call = async |path: &str, options: &str| {
        browser.evaluate(&format!("return fetch('{path}', {options}).then((it) => it.text())")).await
    };
    let form =
        format!("{{method: 'POST', body: new URLSearchParams({{email: '{ADA}', password: '{PASSWORD}'}})}}");

    let registered = call("/users", &form).await;
    assert_eq!(registered, Value::from(format!(r#"{{"email":"{ADA}","message":"user created"}}"#)));
    call("/sessions", &form).await;
    assert_eq!(call("/profile", "{}").await, Value::from(format!(r#"{{"email":"{ADA}"}}"#)));
    let elsewhere = format!("fetch('http://{}/').catch((error) => error.name)", free_address());
    assert_eq!(browser.evaluate(&format!("return {elsewhere}")).await, "TypeError");
}

/// The page of the documents, on another port.
#[tokio::test]
async fn the_page_of_the_documents_registers_logs_in_and_reads_the_profile() {
    if kind() != Kind::Sqlite {
        return;
    }
    let Some(browser) = Browser::start("en").await else { return };
    let front_end = free_address();
    let origin = format!("http://localhost:{}", front_end.port());
    let server = Server::with(&[("AUTH_ALLOWED_ORIGINS", &origin)]);
    let service = format!("http://localhost:{}", server.address.port());
    let page = page_of_the_documents(&service);
    serve(front_end, page.clone());

    browser.open(&format!("{origin}/")).await;
    browser.type_into("[name=email]", ADA).await;
    browser.type_into("[name=password]", PASSWORD).await;
    browser.click("button[value='/users']").await;
    browser.until("user created; profile: not logged in").await;
    browser.click("button[value='/sessions']").await;
    browser.until(&format!("logged in; profile: {ADA}")).await;

    // One that is not listed is refused, and reads nothing.
    let stranger = free_address();
    serve(stranger, page);
    browser.open(&format!("http://localhost:{}/", stranger.port())).await;
    let script =
        format!("return fetch('{service}/profile', {{credentials: 'include'}}).catch((error) => error.name)");
    assert_eq!(browser.evaluate(&script).await, "TypeError");
}

fn page_of_the_documents(service: &str) -> String {
    let document = include_str!("../../../docs/getting-started.md");
    let (_, rest) = document.split_once("```html\n").unwrap();
    let (page, _) = rest.split_once("```").unwrap();
    assert!(page.contains("http://localhost:5000"));
    page.replace("http://localhost:5000", service)
}

/// Serves one page, whatever is asked, until the process ends.
fn serve(address: SocketAddr, page: String) {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind(address).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            // A browser connects in advance and sends nothing.
            let page = page.clone();
            thread::spawn(move || {
                if stream.read(&mut [0; 4096]).is_ok_and(|length| length > 0) {
                    let length = page.len();
                    let _ = write!(
                        stream,
                        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{page}"
                    );
                }
            });
        }
    });
}
