//! What the methods of a recipe ask for, done on the node; what goes wrong is for the method to know.

use std::path::PathBuf;
use std::time::Duration;

use ays_actions::{Action, Outcome as ActionOutcome};
use ays_model::{Check, ChecksumKind, Download, FileAction, NodeAction, NodeAnswer, SecretUrl, StepName};
use ays_protocol::{Act, Fetch, Hidden, Outcome, Step};
use ays_transport::HelperError;
use serde_json::Value;

use crate::install_error::InstallError;
use crate::lifecycle::Asked;
use crate::service_on_node::{OnNode, note};

/// The longest that a method may wait at once.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// A file that a method has fetched.
struct Fetched {
    url: String,
    path: String,
    md5: Option<String>,
    overwrite: bool,
}

impl OnNode<'_, '_> {
    /// Does what a method asks for.
    pub async fn act(&mut self, Asked { action, shown, .. }: Asked) -> Result<ActionOutcome, InstallError> {
        if let Action::Print(_) = action {
            self.done(StepName::Print, shown.strip_prefix("print ").unwrap_or(&shown));
            return Ok(ActionOutcome::Done);
        }
        self.start_step(StepName::Action, shown.as_str());
        let outcome = match action {
            Action::Node(action) => self.on_node(&action).await?.into(),
            Action::Download { url, path, md5, overwrite } => {
                self.download(Fetched { url, path, md5, overwrite }).await?
            }
            Action::Sleep(time) => {
                tokio::time::sleep(time.min(LONGEST_WAIT)).await;
                ActionOutcome::Done
            }
            // The lifecycle has refused it.
            _ => ActionOutcome::Failed("nothing here does this".to_owned()),
        };
        let told = match &outcome {
            ActionOutcome::Failed(why) => format!("{shown}: it failed: {why}"),
            ActionOutcome::Ran { code: 0, .. } => shown,
            ActionOutcome::Ran { code, .. } => format!("{shown}: exit code {code}"),
            _ => shown,
        };
        self.done(StepName::Action, told);
        Ok(outcome)
    }

    async fn on_node(&mut self, action: &NodeAction) -> Result<NodeAnswer, InstallError> {
        let Some(action) = self.revealed(action) else {
            return Ok(NodeAnswer::Failed("it cannot be sent to the node".to_owned()));
        };
        let order = Act { service: self.recipe.service(), action: Hidden(action) };
        match self.helper.run(Step::Act(order), |_| {}).await {
            Ok(Outcome::Acted(answer)) => Ok(answer),
            other => Err(InstallError::at(StepName::Action, other)),
        }
    }

    /// The action with its secrets put in.
    fn revealed(&self, action: &NodeAction) -> Option<NodeAction> {
        let mut value = serde_json::to_value(action).ok()?;
        self.reveal(&mut value);
        serde_json::from_value(value).ok()
    }

    fn reveal(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.recipe.methods.reveal(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.reveal(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.reveal(field)),
            _ => {}
        }
    }

    async fn download(
        &mut self,
        Fetched { url, path, md5, overwrite }: Fetched,
    ) -> Result<ActionOutcome, InstallError> {
        let failed = |why: String| Ok(ActionOutcome::Failed(why));
        let url = match SecretUrl::parse(&self.recipe.methods.reveal(&url)) {
            Ok(url) => url,
            Err(error) => return failed(error.to_string()),
        };
        let check = match md5.map(|md5| ChecksumKind::Md5.read(&md5)) {
            None => Check::None,
            Some(Ok(checksum)) => Check::Checksum(checksum),
            Some(Err(error)) => return failed(error.to_string()),
        };
        if !overwrite {
            let look = NodeAction::File(FileAction::Look { path: path.clone(), follow: true });
            if let NodeAnswer::Found(Some(_)) = self.on_node(&look).await? {
                return Ok(ActionOutcome::Done);
            }
        }
        let dest = PathBuf::from(path);
        let at = |source| InstallError::Step { step: StepName::Action, source };
        let network = self.recipe.methods.network(&url);
        let noted = note(self.helper, self.recipe, vec![dest.clone()]).await;
        let download = Download { url, mirrors: Vec::new(), dest, check, member: None, network };
        let fetched = match noted {
            Ok(()) => {
                self.helper.run(Step::Fetch(Fetch { download, share: None, unpack: None }), |_| {}).await
            }
            Err(error) => Err(error),
        };
        match fetched {
            Ok(Outcome::Fetched(_)) => Ok(ActionOutcome::Done),
            Ok(_) => Err(at(HelperError::Answer)),
            Err(HelperError::Failed(failure)) => failed(failure.to_string()),
            Err(error) => Err(at(error)),
        }
    }
}
