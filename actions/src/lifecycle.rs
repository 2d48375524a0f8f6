//! An install's phases, and the methods of a recipe that each of them calls: the one place that says so.

/// A part of an install. They come one after the other, as in [`Phase::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The node's platform and tools are checked.
    Check,
    /// The node gets its packages, and the recipe says whether it can be installed.
    Prepare,
    /// The recipe's files are fetched.
    Fetch,
    /// What was fetched is put to use.
    Configure,
    /// What still runs from before is stopped.
    BringDown,
    /// The service is started and looked at.
    Start,
    /// Downloads that are not kept are removed.
    CleanUp,
}

/// What `False` from a method means. A method that the recipe does not have, or that returns nothing, says yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFalse {
    /// The install has failed.
    Fails,
    /// The phase goes on with its next method; any other answer ends the phase. After the phase's last method the
    /// install has failed.
    GoesOn,
    /// Nothing.
    Ignored,
}

/// A call of a recipe's method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// The method's name.
    pub method: &'static str,
    /// What `False` means.
    pub when_false: WhenFalse,
}

const fn call(method: &'static str, when_false: WhenFalse) -> Call {
    Call { method, when_false }
}

impl Phase {
    /// All of them, in order.
    pub const ALL: [Self; 7] = [
        Self::Check,
        Self::Prepare,
        Self::Fetch,
        Self::Configure,
        Self::BringDown,
        Self::Start,
        Self::CleanUp,
    ];

    /// The methods that the phase calls, in order.
    pub fn calls(self) -> &'static [Call] {
        const PREPARE: &[Call] = &[
            call("prepare", WhenFalse::Fails),
            call("prepareLocal", WhenFalse::Fails),
            call("check_requirements", WhenFalse::Fails),
        ];
        const CONFIGURE: &[Call] =
            &[call("configure", WhenFalse::Fails), call("configureLocal", WhenFalse::Fails)];
        const BRING_DOWN: &[Call] = &[
            call("check_down_local", WhenFalse::GoesOn),
            call("stop", WhenFalse::Ignored),
            call("check_down_local", WhenFalse::GoesOn),
            call("halt", WhenFalse::Ignored),
            call("check_down_local", WhenFalse::GoesOn),
        ];
        const START: &[Call] = &[
            call("start", WhenFalse::Fails),
            call("check_up_local", WhenFalse::Fails),
            call("monitor_local", WhenFalse::Fails),
            call("monitor_remote", WhenFalse::Fails),
        ];
        match self {
            Self::Prepare => PREPARE,
            Self::Configure => CONFIGURE,
            Self::BringDown => BRING_DOWN,
            Self::Start => START,
            Self::Check | Self::Fetch | Self::CleanUp => &[],
        }
    }

    /// Whether its methods may call `registerImage`: everything has been fetched, and nothing of it runs yet.
    pub fn may_register(self) -> bool {
        self == Self::Configure
    }

    /// The phase that calls a method; none for one that no install calls.
    pub fn of(method: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.calls().iter().any(|call| call.method == method))
    }
}

/// The methods that an install may call, each once, in the order in which it first does.
pub fn install_methods() -> Vec<&'static str> {
    let mut methods = Vec::new();
    for call in Phase::ALL.iter().flat_map(|phase| phase.calls()) {
        if !methods.contains(&call.method) {
            methods.push(call.method);
        }
    }
    methods
}

/// The methods that put something on a node. An install that goes on does not do them again; those that look at the node,
/// at what runs, or work on the controller, which may be another one by then, it does.
pub const LASTING_METHODS: [&str; 2] = ["prepare", "configure"];

/// The other methods that a recipe may have: other actions than an install call them.
pub const OTHER_METHODS: [&str; 18] = [
    "init",
    "build",
    "package",
    "cleanup",
    "data_export",
    "data_import",
    "uninstall",
    "removedata",
    "test",
    "execute",
    "upload",
    "download",
    "restart",
    "reset",
    "status",
    "monitor",
    "check_uptime_local",
    "check_uptime_remote",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_follows_the_fetch_and_comes_before_the_start_may_register() {
        let may = |method| Phase::of(method).is_some_and(Phase::may_register);
        let methods: Vec<_> = install_methods().into_iter().filter(|method| may(method)).collect();
        assert_eq!(methods, ["configure", "configureLocal"]);
        assert_eq!(Phase::of("uninstall"), None);
    }
}
