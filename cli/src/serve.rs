//! The arguments of `scopegate serve`: a flag for each setting of the server, made from the server's own table.

use std::path::PathBuf;

use clap::builder::PathBufValueParser;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use scopegate_cli::error::Misuse;
use scopegate_server::config::{Config, SETTINGS, VARIABLE_PREFIX};

const CONFIG: &str = "config";

/// What the command line says of the server.
#[derive(Clone, Debug, Default)]
pub struct ServeArgs {
    config: Option<PathBuf>,
    flags: Vec<(String, String)>,
}

impl ServeArgs {
    /// Settings of a file and the environment alone.
    pub const fn of_file(config: Option<PathBuf>) -> Self {
        Self { config, flags: Vec::new() }
    }

    /// The configuration, with the file and the environment.
    pub fn into_config(self) -> Result<Config, Misuse> {
        let file = self.config.or_else(|| std::env::var_os(format!("{VARIABLE_PREFIX}CONFIG")).map(PathBuf::from));
        let mut variables = Vec::new();
        for (name, value) in std::env::vars_os() {
            let Some(name) = name.to_str().filter(|name| name.starts_with(VARIABLE_PREFIX)) else { continue };
            let Some(value) = value.to_str() else {
                return Err(Misuse::argument(format!("{name}: expected a text in UTF-8")));
            };
            if name != format!("{VARIABLE_PREFIX}CONFIG") {
                variables.push((name.to_owned(), value.to_owned()));
            }
        }
        Config::load(file.as_deref(), &variables, &self.flags).map_err(|error| Misuse::argument(error.to_string()))
    }
}

impl Args for ServeArgs {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new(CONFIG)
            .long(CONFIG)
            .value_name("FILE")
            .value_parser(PathBufValueParser::new())
            .help("A file of settings, TOML; flags win over SCOPEGATE_… variables, which win over the file");
        let flags = SETTINGS
            .iter()
            .map(|setting| Arg::new(setting.name).long(setting.flag()).value_name("VALUE").help(setting.help));
        command.arg(config).args(flags)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ServeArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |name: &str| matches.get_one::<String>(name).cloned();
        let flags = SETTINGS.iter().filter_map(|setting| Some((setting.flag(), given(setting.name)?))).collect();
        Ok(Self { config: matches.get_one::<PathBuf>(CONFIG).cloned(), flags })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
