//! The properties of `docker-compose.yml` and `.dockerignore`.

use std::{env, fs, net::IpAddr, path::Path};

use ipnet::IpNet;
use test_servers::{Kind, kind, left_out};

use super::{compose, read, root, services, succeeds};

/// Services that run once and exit.
const ONCE: [&str; 2] = ["keys", "migrate"];

/// By the schema of the specification, which `check-jsonschema` contains.
#[test]
fn the_compose_file_is_valid() {
    if kind() != Kind::Sqlite {
        return;
    }
    let path = env::var_os("PATH").unwrap();
    let found =
        env::split_paths(&path).map(|folder| folder.join("check-jsonschema")).find(|file| file.exists());
    let Some(program) = found else {
        left_out("the schema of the compose file", "pip install check-jsonschema");
        return;
    };
    let schema = [Path::new("--builtin-schema"), Path::new("vendor.compose-spec")];
    succeeds(&program, &[&schema[..], &[&root("docker-compose.yml")]].concat());
}

#[test]
fn no_container_has_more_than_it_needs_and_each_is_watched() {
    for (name, service) in services() {
        let is_once = ONCE.contains(&name.as_str());
        let user = service["user"].as_str().unwrap();
        // Volumes are made by root, and so is what is in this one.
        assert_eq!(user == "0:0", name == "keys", "{name}");
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"][0], "ALL", "{name}");
        assert_eq!(service["security_opt"][0], "no-new-privileges:true", "{name}");
        assert_eq!(service["restart"] == "unless-stopped", !is_once, "{name}");
        assert_eq!(service["healthcheck"]["test"].is_array(), !is_once, "{name}");
        let image = service["image"].as_str().unwrap();
        let is_pinned = image.split_once(':').is_some_and(|(_, tag)| tag.contains('.'));
        assert!(is_pinned || image == "auth-server", "{image}");
        assert!(service["mem_limit"].is_string() && service["pids_limit"].is_number(), "{name}");
        assert!(service["logging"]["options"]["max-size"].is_string(), "{name}");
        for port in service["ports"].as_array().into_iter().flatten() {
            assert!(port.as_str().unwrap().starts_with("127.0.0.1:"), "{name}: {port}");
        }
        for (variable, value) in service["environment"].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap();
            let is_secret = ["PASSWORD", "DATABASE_URL", "SMTP_URL", "AUTH_FILE"]
                .iter()
                .any(|name| variable.contains(name));
            let is_in_file = variable.ends_with("_FILE") && value.starts_with("/run/secrets/");
            assert!(is_in_file || !is_secret, "{name}: {variable}");
        }
    }
    let nodes = services();
    assert_eq!(nodes["node1"]["environment"]["AUTH_PROFILE"], "production");
    assert_eq!(nodes["node1"], nodes["node2"]);
    assert_eq!(nodes["proxy"]["ports"][0], "127.0.0.1:8080:8080");
}

/// Three services that build one image interfere with each other.
#[test]
fn the_image_is_built_once_and_never_looked_for_elsewhere() {
    let building: Vec<String> =
        services().into_iter().filter(|(_, it)| !it["build"].is_null()).map(|(name, _)| name).collect();
    assert_eq!(building, ["migrate"]);
    for (name, service) in services().into_iter().filter(|(_, it)| it["image"] == "auth-server") {
        let policy = if name == "migrate" { "build" } else { "never" };
        assert_eq!(service["pull_policy"], policy, "{name}");
    }
}

/// Otherwise a service that starts first gets the address of the proxy.
#[test]
fn fixed_addresses_are_outside_the_assigned_range() {
    let file = compose();
    for (network, settings) in file["networks"].as_object().unwrap() {
        let range = settings["ipam"]["config"][0]["ip_range"].as_str();
        for (name, service) in services() {
            let Some(address) = service["networks"][network]["ipv4_address"].as_str() else { continue };
            let range: IpNet = range.unwrap_or_else(|| panic!("{network} has no ip_range")).parse().unwrap();
            let subnet: IpNet = settings["ipam"]["config"][0]["subnet"].as_str().unwrap().parse().unwrap();
            let address: IpAddr = address.parse().unwrap();
            assert!(subnet.contains(&address) && !range.contains(&address), "{name}: {address}");
        }
    }
    assert_eq!(services()["node1"]["environment"]["AUTH_TRUSTED_PROXIES"], "172.30.250.2");
}

/// Engines before 27 don't choose IPv6 addresses, and create no network without them.
#[test]
fn networks_with_ipv6_have_a_subnet_of_unique_local_addresses() {
    for (name, network) in compose()["networks"].as_object().unwrap() {
        if network["enable_ipv6"] == true {
            let subnet: IpNet = network["ipam"]["config"][0]["subnet"].as_str().unwrap().parse().unwrap();
            assert!(
                matches!(subnet, IpNet::V6(subnet) if subnet.addr().is_unique_local()),
                "{name}: {subnet}"
            );
        }
    }
}

/// Otherwise the engine kills it while it still waits for a client that sends nothing.
#[test]
fn the_proxy_gives_up_waiting_for_clients_before_the_engine_kills_it() {
    let seconds = |text: &str| text.strip_suffix('s').unwrap().parse::<u32>().unwrap();
    let configuration = read(root("deploy/haproxy.cfg"));
    let hard_stop = configuration.lines().find_map(|line| line.trim().strip_prefix("hard-stop-after "));
    let grace = services()["proxy"]["stop_grace_period"].as_str().unwrap().to_owned();
    assert!(seconds(hard_stop.unwrap()) < seconds(&grace), "{grace}");
}

/// A node that is taken over can't change the schema.
#[test]
fn the_owners_url_is_for_the_migration_alone() {
    for (name, service) in services() {
        let volumes = service["volumes"].to_string();
        assert_eq!(
            volumes.contains("keys-of-migration"),
            ["keys", "migrate"].contains(&name.as_str()),
            "{name}"
        );
    }
}

/// Containers run as another user than the owner of the clone.
#[test]
#[cfg(unix)]
fn files_that_containers_mount_are_readable_by_all_users() {
    use std::os::unix::fs::PermissionsExt;
    for (name, service) in services() {
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let Some(file) = volume.as_str().unwrap().strip_prefix("./") else { continue };
            let file = root(file.split(':').next().unwrap());
            assert_eq!(
                fs::metadata(&file).unwrap().permissions().mode() & 0o444,
                0o444,
                "{name}: {}",
                file.display()
            );
        }
    }
}

/// A backup, settings and the folders of builds do not get into an image.
#[test]
fn what_an_image_is_built_from_is_listed() {
    let list = read(root(".dockerignore"));
    let lines: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines[0], "*");
    for line in lines.iter().filter_map(|line| line.strip_prefix('!')) {
        assert!(root(line).exists(), "{line}");
    }
    for left_out in ["**/target", "**/.env*", "**/*.dump"] {
        assert!(lines.contains(&left_out), "{left_out}");
    }
}
