//! The services of a project: their containers, and the addresses of their ports.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use itest_runtime::Error;
use serde::{Deserialize, Serialize};
use testcontainers::bollard::models::{ContainerSummary, ContainerSummaryStateEnum, PortSummary};

/// The label with the service of a container.
const SERVICE_LABEL: &str = "com.docker.compose.service";

/// The services of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Services {
    /// The path of the compose file in the package.
    pub(super) file: String,
    /// The address at which the ports are open.
    pub(super) host: IpAddr,
    /// The containers of each service.
    by_name: BTreeMap<String, Vec<ServiceContainer>>,
}

/// A container of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ServiceContainer {
    /// Its name in the engine.
    pub(super) name: String,
    pub(super) is_running: bool,
    /// The open ports by the ports inside of the container.
    ports: BTreeMap<u16, u16>,
}

impl ServiceContainer {
    /// Whether other programs may use it. A service without ports may be one that runs once.
    pub(super) fn is_server(&self) -> bool {
        !self.ports.is_empty()
    }
}

impl Services {
    /// The services of these containers.
    pub(super) fn of(file: &str, host: IpAddr, containers: &[ContainerSummary]) -> Self {
        let mut by_name: BTreeMap<String, Vec<ServiceContainer>> = BTreeMap::new();
        for container in containers {
            by_name.entry(service_of(container)).or_default().push(ServiceContainer {
                name: name_of(container),
                is_running: container.state == Some(ContainerSummaryStateEnum::RUNNING),
                ports: open_ports(container).collect(),
            });
        }
        Self { file: file.to_owned(), host, by_name }
    }

    /// The names of the services.
    pub(super) fn names(&self) -> Vec<&str> {
        self.by_name.keys().map(String::as_str).collect()
    }

    /// The containers of all services, with the names of the services.
    pub(super) fn containers(&self) -> impl Iterator<Item = (&str, &ServiceContainer)> {
        self.by_name.iter().flat_map(|(name, containers)| containers.iter().map(|container| (name.as_str(), container)))
    }

    /// The containers of a service.
    ///
    /// # Errors
    ///
    /// When there is no such service.
    pub(super) fn containers_of(&self, service: &str) -> Result<&[ServiceContainer], Error> {
        let containers = self.by_name.get(service).map(Vec::as_slice);
        containers.ok_or_else(|| {
            let (file, names) = (&self.file, self.names().join(", "));
            Error::new(format!("{file} has no service `{service}` that was started; it has: {names}"))
        })
    }

    /// The address of a port of a service.
    ///
    /// # Errors
    ///
    /// When there is no such service, it has ended, or it does not publish the port.
    pub(super) fn address(&self, service: &str, port: u16) -> Result<SocketAddr, Error> {
        let containers = self.containers_of(service)?;
        let running: Vec<&ServiceContainer> = containers.iter().filter(|container| container.is_running).collect();
        if running.is_empty() {
            let file = &self.file;
            return Err(Error::new(format!("the service `{service}` of {file} has ended, so it has no address")));
        }
        let open = running.iter().find_map(|container| container.ports.get(&port));
        open.map(|open| SocketAddr::new(self.host, *open)).ok_or_else(|| {
            let published: Vec<String> =
                running.iter().flat_map(|container| container.ports.keys()).map(ToString::to_string).collect();
            let published = if published.is_empty() { "none".to_owned() } else { published.join(", ") };
            Error::new(format!(
                "the service `{service}` of {} does not publish the port {port} (its published ports: {published}); add it to `ports` in the \
                 file, or `options.port(\"{service}\", {port})` to the `Stack`",
                self.file
            ))
        })
    }
}

/// The name of a container's service.
pub(super) fn service_of(container: &ContainerSummary) -> String {
    container.labels.as_ref().and_then(|labels| labels.get(SERVICE_LABEL)).cloned().unwrap_or_default()
}

/// The name of a container.
pub(super) fn name_of(container: &ContainerSummary) -> String {
    let name = container.names.as_ref().and_then(|names| names.first()).map(|name| name.trim_start_matches('/'));
    name.unwrap_or_default().to_owned()
}

/// The inner and open ports of a container. The IPv4 address is used, because every machine has IPv4. A port of TCP has precedence over one of UDP.
fn open_ports(container: &ContainerSummary) -> impl Iterator<Item = (u16, u16)> {
    let is_ipv4 = |port: &&PortSummary| port.ip.as_ref().is_none_or(|ip| !ip.contains(':'));
    let mut ports: Vec<&PortSummary> = container.ports.iter().flatten().filter(is_ipv4).collect();
    ports.sort_by_key(|port| is_tcp(port));
    ports.into_iter().filter_map(|port| Some((port.private_port, port.public_port?)))
}

/// The inner and open ports of TCP of a container.
pub(super) fn open_tcp_ports(container: &ContainerSummary) -> BTreeMap<u16, u16> {
    let tcp = container.ports.iter().flatten().filter(|port| is_tcp(port)).cloned().collect();
    open_ports(&ContainerSummary { ports: Some(tcp), ..ContainerSummary::default() }).collect()
}

fn is_tcp(port: &PortSummary) -> bool {
    port.typ.is_none_or(|protocol| protocol.to_string() == "tcp")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn services() -> Services {
        let containers = json!([
            {"Names": ["/p-db-1"], "State": "running", "Labels": {SERVICE_LABEL: "db"}, "Ports": [
                {"IP": "::", "PrivatePort": 5432, "PublicPort": 1, "Type": "tcp"},
                {"IP": "127.0.0.1", "PrivatePort": 5432, "PublicPort": 2, "Type": "tcp"},
                {"IP": "127.0.0.1", "PrivatePort": 5432, "PublicPort": 3, "Type": "udp"},
                {"PrivatePort": 9000, "Type": "tcp"},
            ]},
            {"Names": ["/p-init-1"], "State": "exited", "Labels": {SERVICE_LABEL: "init"}},
        ]);
        let containers: Vec<ContainerSummary> = serde_json::from_value(containers).unwrap();
        Services::of("compose.yaml", [127, 0, 0, 1].into(), &containers)
    }

    #[test]
    fn address_is_that_of_the_tcp_port_of_ipv4() {
        assert_eq!(services().address("db", 5432).unwrap(), "127.0.0.1:2".parse().unwrap());
    }

    #[test]
    fn missing_service_and_port_are_reported_with_the_existing_ones() {
        let message = |service, port| services().address(service, port).unwrap_err().to_string();
        assert_eq!(message("web", 80), "compose.yaml has no service `web` that was started; it has: db, init");
        assert!(message("db", 9000).contains("(its published ports: 5432)"), "{}", message("db", 9000));
        assert_eq!(message("init", 80), "the service `init` of compose.yaml has ended, so it has no address");
    }
}
