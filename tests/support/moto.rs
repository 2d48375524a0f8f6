//! AWS as moto plays it: EC2, EBS snapshots by their direct interface, IAM, STS and S3. It believes every signature.

use std::{fs, path::PathBuf, process::Command};

use serde_json::Value;

use super::{
    http::{self, Answer},
    lab::{Lab, cache, mortal, output},
    service::Service,
};

/// moto's server, without images, snapshots or users at first; account 123456789012.
pub struct Moto {
    work: PathBuf,
    url: String,
    _service: Service,
}

impl Moto {
    /// The region that the helpers here ask.
    pub const REGION: &str = "us-east-1";

    /// Starts it at an address and port of the lab.
    pub fn start(lab: &Lab, address: &str, port: u16) -> Self {
        let program = cache().join("moto-1/bin/moto_server");
        assert!(program.exists(), "{} is missing: run scripts/install-test-parts first", program.display());
        let work = lab.dir().join(format!("moto-{port}"));
        fs::create_dir(&work).unwrap();
        let mut command = mortal(program);
        command.args(["-H", address, "-p", &port.to_string()]).current_dir(&work);
        // Else it begins with 1300 images of Amazon's, which take two seconds.
        command.env("MOTO_EC2_LOAD_DEFAULT_AMIS", "false").env("PYTHONUNBUFFERED", "1");
        let service = Service::start(command, "Running on");
        Self { work, url: format!("http://{address}:{port}"), _service: service }
    }

    /// Where all services are.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The images of the account, as DescribeImages has them.
    pub fn images(&self) -> Vec<Value> {
        items(&self.ec2("DescribeImages", &["Owner.1=self"])["imagesSet"])
    }

    /// The snapshots of the account, as DescribeSnapshots has them.
    pub fn snapshots(&self) -> Vec<Value> {
        items(&self.ec2("DescribeSnapshots", &["Owner.1=self"])["snapshotSet"])
    }

    /// What EC2 answers to an action with these parameters (`Owner.1=self`): XML as JSON, each `item` in a list.
    pub fn ec2(&self, action: &str, parameters: &[&str]) -> Value {
        let mut more = vec!["--data".to_owned(), format!("Action={action}&Version=2016-11-15")];
        for parameter in parameters {
            more.extend(["--data-urlencode".to_owned(), (*parameter).to_owned()]);
        }
        let more: Vec<_> = more.iter().map(String::as_str).collect();
        let answer = self.call("ec2", "POST", "/", &more).expect_success();
        let file = self.work.join("answer.xml");
        fs::write(&file, &answer.body).unwrap();
        let convert = "import json, sys, xmltodict\n\
                       answer = xmltodict.parse(open(sys.argv[1], 'rb'), force_list=('item',))\n\
                       print(json.dumps(next(iter(answer.values()))))";
        let mut python = Command::new(cache().join("moto-1/bin/python"));
        serde_json::from_str(&output(python.args(["-c", convert]).arg(file))).unwrap()
    }

    /// The blocks of a snapshot that were written: their numbers and their bytes.
    pub fn snapshot_blocks(&self, snapshot: &str) -> Vec<(u64, Vec<u8>)> {
        let path = format!("/snapshots/{snapshot}/blocks");
        let answer = self.call("ebs", "GET", &path, &[]).expect_success().json();
        let block = |block: &Value| {
            let (number, token) =
                (block["BlockIndex"].as_u64().unwrap(), block["BlockToken"].as_str().unwrap());
            let path = format!("{path}/{number}?blockToken={token}");
            (number, self.call("ebs", "GET", &path, &[]).expect_success().body)
        };
        answer["Blocks"].as_array().unwrap().iter().map(block).collect()
    }

    /// A signed request to a service; `more` is for curl.
    pub fn call(&self, service: &str, method: &str, path: &str, more: &[&str]) -> Answer {
        let sign = format!("aws:amz:{}:{service}", Self::REGION);
        let signed = ["--aws-sigv4", sign.as_str(), "--user", "AKIDOFTHETEST:of-the-test"];
        http::request(method, &format!("{}{path}", self.url), &[&signed[..], more].concat())
    }
}

fn items(set: &Value) -> Vec<Value> {
    // An empty set has no items at all.
    set["item"].as_array().cloned().unwrap_or_default()
}
