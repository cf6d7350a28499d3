//! A real container engine, as its own command line client shows it.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use itest::prelude::*;
use itest_tests::Suite;

/// The variable with the reason why this machine cannot run an engine. `.ci/run` sets it.
pub(crate) const UNAVAILABLE_VARIABLE: &str = "ITEST_ENGINE_UNAVAILABLE";

/// The real container engine that `DOCKER_HOST` names.
pub(crate) struct Docker {
    host: String,
    before: Vec<String>,
}

/// The engine. The test is skipped if there is none, but a run that requires all services fails, unless the machine cannot run an engine.
#[fixture]
fn docker() -> Result<Docker> {
    if let Ok(reason) = env::var(UNAVAILABLE_VARIABLE) {
        skip!("there is no real container engine: {reason}");
    }
    match env::var("DOCKER_HOST") {
        Ok(host) => Docker::at(&host),
        Err(_) if env::var("ITEST_REQUIRE").is_ok_and(|required| required == "all") => {
            Err("DOCKER_HOST names no container engine: `.ci/engine start FOLDER` starts one".into())
        }
        Err(_) => skip!("DOCKER_HOST names no container engine: `.ci/engine start FOLDER` starts one"),
    }
}

impl Docker {
    /// The engine at this `DOCKER_HOST`.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub(crate) fn at(host: &str) -> Result<Self> {
        let docker = Self { host: host.to_owned(), before: Vec::new() };
        Ok(Self { before: docker.resources()?, ..docker })
    }

    /// A run of the suite whose servers come from containers of this engine only.
    pub(crate) fn suite<'t>(&self, dir: &'t TempDir) -> Suite<'t> {
        let services = ["POSTGRES", "MYSQL", "REDIS", "NATS", "MQTT", "RABBITMQ"];
        let suite = Suite::new(env!("CARGO_BIN_EXE_suite-containers"), dir).env("DOCKER_HOST", &self.host);
        services.iter().fold(suite, |suite, service| suite.env(&format!("ITEST_{service}"), "container"))
    }

    /// The engine's `DOCKER_HOST`.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The path of the engine's socket.
    ///
    /// # Errors
    ///
    /// When the engine has another address.
    pub(crate) fn socket(&self) -> Result<PathBuf> {
        Ok(self.host.strip_prefix("unix://").ok_or("the engine has no socket")?.into())
    }

    /// Runs `docker`, and returns its stdout.
    ///
    /// # Errors
    ///
    /// When it fails.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new("docker").args(arguments).env("DOCKER_HOST", &self.host).output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        Err(format!("docker {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)).into())
    }

    /// Makes an image from a Dockerfile, and removes it at the end of the test.
    ///
    /// # Errors
    ///
    /// When the engine cannot make it.
    pub(crate) fn build(&self, tag: &str, dockerfile: &str, dir: &TempDir, teardown: &Teardown) -> Result<()> {
        let folder = dir.join(tag);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("Dockerfile"), dockerfile)?;
        self.run(&["build", "--quiet", "--tag", tag, &folder.display().to_string()])?;
        self.remove_at_the_end(&["rmi", "--force", tag], teardown);
        Ok(())
    }

    /// Runs `docker` with these arguments at the end of the test.
    pub(crate) fn remove_at_the_end(&self, arguments: &[&str], teardown: &Teardown) {
        let docker = Self { host: self.host.clone(), before: Vec::new() };
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        teardown.defer(format!("docker {}", arguments.join(" ")), async move {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            docker.run(&arguments).map(drop)
        });
    }

    /// The containers, volumes and networks that were made since the beginning of the test. Such tests run one at a time.
    ///
    /// # Errors
    ///
    /// When `docker` fails.
    pub(crate) fn new_resources(&self) -> Result<Vec<String>> {
        Ok(self.resources()?.into_iter().filter(|resource| !self.before.contains(resource)).collect())
    }

    /// The only new container of itest.
    ///
    /// # Errors
    ///
    /// When there is none, or more than one.
    pub(crate) fn new_container(&self) -> Result<String> {
        let containers = self.new_containers()?;
        match &containers[..] {
            [container] => Ok(container.clone()),
            _ => Err(format!("there is not one container: {containers:?}").into()),
        }
    }

    /// The new containers of itest.
    ///
    /// # Errors
    ///
    /// When `docker` fails.
    pub(crate) fn new_containers(&self) -> Result<Vec<String>> {
        let resources = self.new_resources()?;
        Ok(resources.iter().filter_map(|resource| resource.strip_prefix("container ")).map(str::to_owned).collect())
    }

    fn resources(&self) -> Result<Vec<String>> {
        let containers = self.run(&["ps", "--all", "--filter", "label=itest", "--format", "container {{.Names}}"])?;
        let volumes = self.run(&["volume", "ls", "--format", "volume {{.Name}}"])?;
        let networks = self.run(&["network", "ls", "--format", "network {{.Name}}"])?;
        Ok([containers, volumes, networks].iter().flat_map(|lines| lines.lines()).map(str::to_owned).collect())
    }

    /// The addresses of the machine at which the ports of a container are open.
    ///
    /// # Errors
    ///
    /// When there is no such container.
    pub(crate) fn open_at(&self, container: &str) -> Result<Vec<String>> {
        let ports = self.run(&["inspect", "--format", "{{json .NetworkSettings.Ports}}", container])?;
        let ports: serde_json::Value = serde_json::from_str(&ports)?;
        let bindings =
            ports.as_object().into_iter().flat_map(|ports| ports.values()).filter_map(|port| port.as_array());
        Ok(bindings.flatten().filter_map(|binding| Some(binding["HostIp"].as_str()?.to_owned())).collect())
    }
}
