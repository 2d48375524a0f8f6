//! Images and snapshots, by EC2's own interface, whose answers are XML; and who asks, by STS.

use roxmltree::{Document, Node};

use super::call::{NotDone, Parameters, Region, Service};
use crate::http::Answer;

/// The tag with a publication's mark.
pub(super) const MARK: &str = "ays:publication";

/// The tag with an object's key in the ledger.
pub(super) const KEY: &str = "ays:object";

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Image {
    pub id: String,
    pub state: String,
    /// Why it came to nothing.
    pub reason: Option<String>,
    pub description: String,
    /// The snapshots of its disks.
    pub snapshots: Vec<String>,
    pub mark: Option<String>,
}

impl Image {
    /// Whether it is of the publication that has this mark.
    pub fn is_of(&self, mark: &str) -> bool {
        // A cloud that is compatible may know no tags of what is registered.
        self.mark.as_deref() == Some(mark) || self.description.ends_with(&format!("({mark})"))
    }

    fn read(node: Node<'_, '_>) -> Self {
        let disks = child(node, "blockDeviceMapping").into_iter().flat_map(|disks| disks.children());
        let snapshot = |disk| Some(text(child(disk, "ebs")?, "snapshotId")?.to_owned());
        let owned = |name| text(node, name).map(str::to_owned);
        Self {
            id: owned("imageId").unwrap_or_default(),
            state: owned("imageState").unwrap_or_default(),
            reason: child(node, "stateReason").and_then(|reason| text(reason, "message")).map(str::to_owned),
            description: owned("description").unwrap_or_default(),
            snapshots: disks.filter_map(snapshot).collect(),
            mark: tag(node, MARK),
        }
    }
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Snapshot {
    pub id: String,
    pub state: String,
    /// Why it came to nothing.
    pub reason: Option<String>,
    pub mark: Option<String>,
}

impl Snapshot {
    fn read(node: Node<'_, '_>) -> Self {
        let owned = |name| text(node, name).map(str::to_owned);
        Self {
            id: owned("snapshotId").unwrap_or_default(),
            state: owned("status").unwrap_or_default(),
            reason: owned("statusMessage"),
            mark: tag(node, MARK),
        }
    }
}

/// Whose keys are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    pub account: String,
    pub arn: String,
}

impl Region {
    /// Whose keys these are.
    pub async fn caller(&self) -> Result<Caller, NotDone> {
        let doing = "asking whose keys these are";
        let answer = self.query(Service::Sts, doing, "GetCallerIdentity", &Parameters::default()).await?;
        let of = |name| first(&answer, name);
        Ok(Caller { account: of("Account")?, arn: of("Arn")? })
    }

    /// The regions that the account may use.
    pub async fn regions(&self) -> Result<Vec<String>, NotDone> {
        let read = |node: Node<'_, '_>| text(node, "regionName").unwrap_or_default().to_owned();
        let mut regions = self
            .list("listing regions", "DescribeRegions", "regionInfo", Parameters::default(), read)
            .await?;
        regions.sort();
        Ok(regions)
    }

    /// The account's own images for which a filter has one of these values.
    pub async fn images(&self, filter: &str, values: &[&str]) -> Result<Vec<Image>, NotDone> {
        let mut parameters = filtered(filter, values);
        parameters.add("Owner.1", "self");
        self.list("listing images", "DescribeImages", "imagesSet", parameters, Image::read).await
    }

    /// The account's own snapshots for which a filter has one of these values.
    pub async fn snapshots(&self, filter: &str, values: &[&str]) -> Result<Vec<Snapshot>, NotDone> {
        let mut parameters = filtered(filter, values);
        parameters.add("Owner.1", "self");
        self.list("listing snapshots", "DescribeSnapshots", "snapshotSet", parameters, Snapshot::read).await
    }

    /// Registers an image, once; its id.
    pub async fn register(&self, parameters: &Parameters) -> Result<String, NotDone> {
        let doing = "registering the image";
        let answer = self.query_once(Service::Ec2, doing, "RegisterImage", parameters).await?;
        first(&answer, "imageId")
    }

    /// Removes an image; one that is not there is no error.
    pub async fn deregister(&self, id: &str) -> Result<(), NotDone> {
        let parameters = Parameters::of(&[("ImageId", id)]);
        let done = self.ec2("removing the image", "DeregisterImage", &parameters).await;
        ignore(done, &["InvalidAMIID.NotFound", "InvalidAMIID.Unavailable"])
    }

    /// Removes a snapshot; one that is not there is no error.
    pub async fn delete_snapshot(&self, id: &str) -> Result<(), NotDone> {
        let parameters = Parameters::of(&[("SnapshotId", id)]);
        ignore(
            self.ec2("removing the snapshot", "DeleteSnapshot", &parameters).await,
            &["InvalidSnapshot.NotFound"],
        )
    }

    /// Does an action of EC2 of whose answer nothing is needed.
    pub async fn ec2(
        &self,
        doing: &'static str,
        action: &str,
        parameters: &Parameters,
    ) -> Result<(), NotDone> {
        self.query(Service::Ec2, doing, action, parameters).await.map(drop)
    }

    /// All items of a set, from all pages of the answer.
    async fn list<T>(
        &self,
        doing: &'static str,
        action: &str,
        set: &str,
        parameters: Parameters,
        read: fn(Node<'_, '_>) -> T,
    ) -> Result<Vec<T>, NotDone> {
        let (mut all, mut next) = (Vec::new(), None);
        loop {
            let mut parameters = parameters.clone();
            if let Some(token) = next {
                parameters.add("NextToken", token);
            }
            let answer = self.query(Service::Ec2, doing, action, &parameters).await?;
            let (items, token) = page(&answer, set, read)?;
            all.extend(items);
            next = token;
            if next.is_none() {
                return Ok(all);
            }
        }
    }
}

/// The items of a set, and the token of the next page.
fn page<T>(
    answer: &Answer,
    set: &str,
    read: fn(Node<'_, '_>) -> T,
) -> Result<(Vec<T>, Option<String>), NotDone> {
    let body = String::from_utf8_lossy(&answer.body);
    let xml = parse(answer, &body)?;
    let root = xml.root_element();
    let items = child(root, set).ok_or_else(|| answer.wrong(format!("it has no {set}")))?;
    let items = items.children().filter(|node| node.tag_name().name() == "item").map(read).collect();
    let token = text(root, "nextToken").filter(|token| !token.is_empty());
    Ok((items, token.map(str::to_owned)))
}

fn parse<'a>(answer: &Answer, body: &'a str) -> Result<Document<'a>, NotDone> {
    Ok(Document::parse(body).map_err(|error| answer.wrong(format!("it is no XML: {error}")))?)
}

/// The text of the first element of this name.
fn first(answer: &Answer, name: &str) -> Result<String, NotDone> {
    let body = String::from_utf8_lossy(&answer.body);
    let xml = parse(answer, &body)?;
    let found = xml.descendants().find(|node| node.tag_name().name() == name);
    let text = found.and_then(|node| node.text()).map(str::to_owned);
    Ok(text.ok_or_else(|| answer.wrong(format!("it has no {name}")))?)
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.tag_name().name() == name)
}

fn text<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    child(node, name)?.text()
}

fn tag(node: Node<'_, '_>, key: &str) -> Option<String> {
    let mut tags = child(node, "tagSet")?.children();
    let found = tags.find(|tag| text(*tag, "key") == Some(key))?;
    text(found, "value").map(str::to_owned)
}

fn filtered(filter: &str, values: &[&str]) -> Parameters {
    let mut parameters = Parameters::of(&[("Filter.1.Name", filter)]);
    for (number, value) in values.iter().enumerate() {
        parameters.add(format!("Filter.1.Value.{}", number + 1), *value);
    }
    parameters
}

fn ignore(done: Result<(), NotDone>, codes: &[&str]) -> Result<(), NotDone> {
    done.or_else(|error| if codes.contains(&error.code.as_str()) { Ok(()) } else { Err(error) })
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use reqwest::header::HeaderMap;

    use super::*;

    fn answer(body: &str) -> Answer {
        Answer {
            doing: "asking",
            address: "http://x".to_owned(),
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn images_are_read_from_xml() {
        let xml = "<DescribeImagesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>1</requestId>\
            <imagesSet><item><imageId>ami-1</imageId><imageState>available</imageState><name>x-1</name>\
            <description>x, generation 1 (ays-c-7)</description><blockDeviceMapping>\
            <item><deviceName>/dev/xvda</deviceName><ebs><snapshotId>snap-1</snapshotId></ebs></item>\
            <item><deviceName>/dev/xvdb</deviceName><virtualName>ephemeral0</virtualName></item></blockDeviceMapping>\
            <tagSet><item><key>Name</key><value>y</value></item>\
            <item><key>ays:publication</key><value>ays-c-7</value></item></tagSet></item>\
            <item><imageId>ami-2</imageId><imageState>failed</imageState>\
            <stateReason><code>c</code><message>no room</message></stateReason></item></imagesSet>\
            <nextToken>t</nextToken></DescribeImagesResponse>";
        let (images, next) = page(&answer(xml), "imagesSet", Image::read).unwrap();
        let expected = [
            Image {
                id: "ami-1".to_owned(),
                state: "available".to_owned(),
                description: "x, generation 1 (ays-c-7)".to_owned(),
                snapshots: vec!["snap-1".to_owned()],
                mark: Some("ays-c-7".to_owned()),
                ..Image::default()
            },
            Image {
                id: "ami-2".to_owned(),
                state: "failed".to_owned(),
                reason: Some("no room".to_owned()),
                ..Image::default()
            },
        ];
        assert_eq!((images, next.as_deref()), (expected.to_vec(), Some("t")));
        let untagged = Image { mark: None, ..expected[0].clone() };
        assert_eq!(
            (untagged.is_of("ays-c-7"), untagged.is_of("c-7"), untagged.is_of("ays-c-70")),
            (true, false, false)
        );
    }

    #[test]
    fn what_is_no_such_xml_is_an_error() {
        let said = |body: &str| page(&answer(body), "imagesSet", Image::read).unwrap_err().error.to_string();
        assert_eq!(
            said("<a/>"),
            "asking: the answer of http://x is not what it should be: it has no imagesSet"
        );
        assert!(said("{}").contains("it is no XML"), "{}", said("{}"));
        // Entities are nothing that AWS says: a document with its own is not read.
        assert!(said("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>").contains("it is no XML"));
    }
}
