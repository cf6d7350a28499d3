//! Rewrites a compose file, so that its services belong to one run only: names, ports, volumes, networks and images.

use std::collections::{BTreeMap, BTreeSet};

use itest_runtime::Error;
use serde_json::{Map, Value, json};

use super::definition::StackOptions;
use super::ports::{InnerPort, inner_ports};
use crate::failure::failed_to;

/// The label of all containers, networks and volumes of itest.
const LABEL: &str = "itest";

/// A compose file without variables, as the client of Compose writes it.
#[derive(Debug)]
pub(super) struct Document {
    root: Map<String, Value>,
    /// The path of the file, for messages.
    shown: &'static str,
}

impl Document {
    /// Reads the JSON of version 2 of the client, or the YAML of version 1.
    ///
    /// # Errors
    ///
    /// When the text is neither.
    pub(super) fn parse(text: &str, shown: &'static str) -> Result<Self, Error> {
        let unreadable = |error: &dyn ToString| {
            Error::new(format!("cannot read what the client of Compose writes of {shown}: {}", error.to_string()))
        };
        let root: Value = match serde_json::from_str(text) {
            Ok(root) => root,
            Err(_) => serde_saphyr::from_str(text).map_err(|error| unreadable(&error))?,
        };
        match root {
            Value::Object(root) => Ok(Self { root, shown }),
            _ => Err(unreadable(&"it is no mapping")),
        }
    }

    /// Removes the services that are not started: those of other profiles, and those that no requested service depends on.
    ///
    /// # Errors
    ///
    /// When a requested service does not exist, or no service is left.
    pub(super) fn select(&mut self, options: &StackOptions) -> Result<(), Error> {
        let mut services = self.take("services");
        services.retain(|_, service| is_in_profiles(service, &options.profiles));
        let names: Vec<&str> = services.keys().map(String::as_str).collect();
        let requested = options.services.iter().chain(&options.one_shots);
        let requested = requested.chain(options.ports.iter().map(|(service, _)| service));
        for name in requested {
            if !services.contains_key(name) {
                return Err(Error::new(format!(
                    "{} has no service `{name}`; it has: {}",
                    self.shown,
                    names.join(", ")
                )));
            }
        }
        if services.is_empty() {
            let profiles = "a service with `profiles` needs `options.profile(…)`";
            return Err(Error::new(format!("{} has no service to start; {profiles}", self.shown)));
        }
        if !options.services.is_empty() {
            let needed = with_dependencies(&services, &options.services);
            services.retain(|name, _| needed.contains(name));
        }
        self.root.insert("services".to_owned(), Value::Object(services));
        Ok(())
    }

    /// Makes the names of containers, volumes, networks and images those of the project, and publishes the ports on free ports of an address, or of
    /// all addresses if it is `None`.
    ///
    /// # Errors
    ///
    /// When a service uses the network of the machine.
    pub(super) fn isolate(
        &mut self,
        project: &str,
        address: Option<&str>,
        ports: &[(String, u16)],
    ) -> Result<(), Error> {
        let mut services = self.take("services");
        replace_built_images(&mut services, project);
        for (name, service) in &mut services {
            let Value::Object(service) = service else { continue };
            if service.get("network_mode").and_then(Value::as_str) == Some("host") {
                return Err(Error::new(format!(
                    "the service `{name}` of {} has `network_mode: host`, so its ports would be open to other machines and two runs would \
                     collide; remove it from the file",
                    self.shown
                )));
            }
            let further = ports.iter().filter(|(service, _)| service == name).map(|(_, port)| InnerPort::tcp(*port));
            publish(service, further, address);
            remove_container_name(service);
            service.remove("profiles");
            label(service);
        }
        self.root.insert("services".to_owned(), Value::Object(services));
        for kind in ["networks", "volumes"] {
            let mut resources = self.take(kind);
            for (name, resource) in &mut resources {
                name_for_project(resource, &format!("{project}_{name}"));
            }
            if !resources.is_empty() {
                self.root.insert(kind.to_owned(), Value::Object(resources));
            }
        }
        if self.root.contains_key("name") {
            self.root.insert("name".to_owned(), json!(project));
        }
        Ok(())
    }

    /// The services that another one needs to have ended successfully.
    pub(super) fn one_shots(&self) -> BTreeSet<String> {
        let services = self.root.get("services").and_then(Value::as_object).into_iter().flat_map(Map::values);
        let dependencies = services.filter_map(|service| service.get("depends_on")?.as_object()).flatten();
        let condition = json!("service_completed_successfully");
        let one_shots = dependencies.filter(|(_, dependency)| dependency.get("condition") == Some(&condition));
        one_shots.map(|(name, _)| name.clone()).collect()
    }

    /// The image of each service that is not built.
    pub(super) fn images(&self) -> BTreeMap<&str, &str> {
        let services = self.root.get("services").and_then(Value::as_object).into_iter().flatten();
        let built: BTreeSet<&str> =
            services.clone().filter(|(_, service)| service.get("build").is_some()).filter_map(image).collect();
        services
            .filter_map(|(name, service)| Some((name.as_str(), image((name, service))?)))
            .filter(|(_, image)| !built.contains(image))
            .collect()
    }

    /// Whether an image of a service must be built.
    pub(super) fn has_builds(&self) -> bool {
        let services = self.root.get("services").and_then(Value::as_object);
        services.is_some_and(|services| services.values().any(|service| service.get("build").is_some()))
    }

    /// The file for the client, in JSON, which is YAML.
    ///
    /// # Errors
    ///
    /// Never for a file that was read.
    pub(super) fn to_text(&self) -> Result<String, Error> {
        serde_json::to_string_pretty(&self.root).map_err(|error| failed_to("write the compose file", &error))
    }

    /// Takes a mapping out of the file. It is empty if the file does not have it.
    fn take(&mut self, key: &str) -> Map<String, Value> {
        match self.root.remove(key) {
            Some(Value::Object(mapping)) => mapping,
            _ => Map::new(),
        }
    }
}

fn image<'d>((_, service): (&'d String, &'d Value)) -> Option<&'d str> {
    service.get("image").and_then(Value::as_str)
}

/// The texts of a list, or the keys of a mapping.
fn names(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        Some(Value::Object(mapping)) => mapping.keys().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

fn is_in_profiles(service: &Value, profiles: &[String]) -> bool {
    let own = names(service.get("profiles"));
    own.is_empty() || own.iter().any(|name| profiles.iter().any(|profile| profile == name))
}

/// The requested services, and those that they depend on.
fn with_dependencies(services: &Map<String, Value>, requested: &[String]) -> BTreeSet<String> {
    let mut needed = BTreeSet::new();
    let mut next = requested.to_vec();
    while let Some(name) = next.pop() {
        let Some(service) = services.get(&name) else { continue };
        if needed.insert(name) {
            let links = names(service.get("links")).into_iter().map(|link| link.split(':').next().unwrap_or(link));
            let shared = ["network_mode", "ipc", "pid"].into_iter().filter_map(|key| service.get(key)?.as_str());
            let shared = shared.filter_map(|mode| mode.strip_prefix("service:"));
            next.extend(names(service.get("depends_on")).into_iter().chain(links).chain(shared).map(str::to_owned));
        }
    }
    needed
}

/// Gives each built image a name of the project. The tag of the file may be that of an image of the user, which the build would replace.
fn replace_built_images(services: &mut Map<String, Value>, project: &str) {
    let mut replaced = BTreeMap::new();
    for (name, service) in services.iter_mut() {
        let Value::Object(service) = service else { continue };
        if service.contains_key("build") {
            let image = format!("{project}-{}", name.to_lowercase());
            if let Some(Value::String(before)) = service.insert("image".to_owned(), json!(image)) {
                replaced.insert(before, image);
            }
        }
    }
    for service in services.values_mut().filter(|service| service.get("build").is_none()) {
        let image = service.get("image").and_then(Value::as_str).and_then(|image| replaced.get(image));
        if let (Some(image), Value::Object(service)) = (image.cloned(), service) {
            service.insert("image".to_owned(), json!(image));
        }
    }
}

fn publish(service: &mut Map<String, Value>, further: impl Iterator<Item = InnerPort>, address: Option<&str>) {
    let listed = service.remove("ports");
    let listed = listed.as_ref().and_then(Value::as_array).into_iter().flatten().flat_map(inner_ports);
    let ports: BTreeSet<InnerPort> = listed.chain(further).collect();
    if !ports.is_empty() {
        let ports = ports.iter().map(|port| json!(port.published_at(address)));
        service.insert("ports".to_owned(), ports.collect());
    }
}

/// Removes the name of a service's container, which only one container of the engine can have. The other services still reach it by this name.
fn remove_container_name(service: &mut Map<String, Value>) {
    let Some(Value::String(name)) = service.remove("container_name") else { return };
    if service.contains_key("network_mode") {
        return;
    }
    let networks = service.entry("networks").or_insert_with(|| json!({"default": null}));
    if let Value::Array(list) = networks {
        *networks = list.iter().filter_map(Value::as_str).map(|network| (network.to_owned(), Value::Null)).collect();
    }
    let Value::Object(networks) = networks else { return };
    for network in networks.values_mut() {
        if network.is_null() {
            *network = json!({});
        }
        if let Some(aliases) = network.as_object_mut().map(|network| network.entry("aliases").or_insert(json!([]))) {
            aliases.as_array_mut().into_iter().for_each(|aliases| aliases.push(json!(name)));
        }
    }
}

/// Gives a network or a volume a name of the project, so that a volume of the user with the same name is neither used nor removed. What exists
/// outside of the file stays as it is.
fn name_for_project(resource: &mut Value, name: &str) {
    if resource.is_null() {
        *resource = json!({});
    }
    let Value::Object(resource) = resource else { return };
    let is_external = resource.get("external").is_some_and(|external| external != &json!(false));
    if !is_external {
        resource.insert("name".to_owned(), json!(name));
        label(resource);
    }
}

fn label(resource: &mut Map<String, Value>) {
    match resource.entry("labels").or_insert_with(|| json!({})) {
        Value::Object(labels) => drop(labels.insert(LABEL.to_owned(), json!("compose"))),
        Value::Array(labels) => labels.push(json!(format!("{LABEL}=compose"))),
        other => *other = json!({LABEL: "compose"}),
    }
}

#[cfg(test)]
mod tests;
