//! `scopegate users` and `scopegate oauth-keys`: what an operator does over the database of a server. A password comes by file or standard
//! input, never as an argument.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use scopegate_cli::error::Misuse;
use scopegate_cli::input::read_secret;
use scopegate_server::config::Config;
use scopegate_server::oauth::{Task, perform};

use crate::serve::ServeArgs;

/// Which server: its settings.
#[derive(Args)]
pub struct SiteArgs {
    /// The file of the server's settings, TOML; SCOPEGATE_… variables win over it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl SiteArgs {
    fn config(self) -> Result<Config, Misuse> {
        ServeArgs::of_file(self.config).into_config()
    }
}

#[derive(Subcommand)]
pub enum UsersCommand {
    /// Add a user
    #[command(
        after_help = "Example: scopegate users add --config scopegate.toml ada --email ada@example.com <password.txt"
    )]
    Add {
        /// What the user signs in with
        name: String,
        /// The subject of the user's tokens and the owner of its keys; a random one when absent
        #[arg(long)]
        sub: Option<String>,
        /// What people call the user
        #[arg(long)]
        display_name: Option<String>,
        /// The user's address for mail; it counts as verified
        #[arg(long)]
        email: Option<String>,
        /// The file with the password, 12 bytes or more; - is standard input
        #[arg(long, default_value = "-")]
        password_file: PathBuf,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Give a user another password; its sessions and grants end
    #[command(after_help = "Example: scopegate users passwd --config scopegate.toml ada <password.txt")]
    Passwd {
        /// What the user signs in with
        name: String,
        /// The file with the password, 12 bytes or more; - is standard input
        #[arg(long, default_value = "-")]
        password_file: PathBuf,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Remove a user; its sessions and grants end
    #[command(after_help = "Example: scopegate users remove --config scopegate.toml ada")]
    Remove {
        /// What the user signs in with
        name: String,
        #[command(flatten)]
        site: SiteArgs,
    },
}

#[derive(Subcommand)]
pub enum OauthKeysCommand {
    /// List the signing keys: the one that signs first
    #[command(after_help = "Example: scopegate oauth-keys list --config scopegate.toml")]
    List {
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Let the next key sign, and publish another one
    #[command(after_help = "Example: scopegate oauth-keys rotate --config scopegate.toml")]
    Rotate {
        #[command(flatten)]
        site: SiteArgs,
    },
}

impl UsersCommand {
    pub fn into_task(self) -> Result<(Config, Task), Misuse> {
        Ok(match self {
            Self::Add { name, sub, display_name, email, password_file, site } => {
                let config = site.config()?;
                let password = read_secret(&password_file)?;
                (config, Task::AddUser { name, sub, display_name, email, password })
            }
            Self::Passwd { name, password_file, site } => {
                let config = site.config()?;
                (config, Task::SetPassword { name, password: read_secret(&password_file)? })
            }
            Self::Remove { name, site } => (site.config()?, Task::RemoveUser { name }),
        })
    }
}

impl OauthKeysCommand {
    pub fn into_task(self) -> Result<(Config, Task), Misuse> {
        Ok(match self {
            Self::List { site } => (site.config()?, Task::ListKeys),
            Self::Rotate { site } => (site.config()?, Task::RotateKeys),
        })
    }
}

/// Does it and prints what was done.
pub fn run((config, task): (Config, Task), say: impl Fn(&str)) -> Result<u8, Misuse> {
    for line in perform(&config, task).map_err(|error| Misuse::argument(error.to_string()))? {
        say(&line);
    }
    Ok(0)
}
