// Walks the hosted private virtual interface from order to deletion with the AWS SDK for JavaScript.
//
// Reads the walk's brief (endpoint, region, three accounts, names) as JSON from standard input and
// prints a transcript: one JSON member per step, for the reader to judge. With the words
// `describe ID` it prints what the owner sees of that interface, and no more.

import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import {
  AllocatePrivateVirtualInterfaceCommand,
  ConfirmPrivateVirtualInterfaceCommand,
  CreateConnectionCommand,
  DeleteConnectionCommand,
  DeleteVirtualInterfaceCommand,
  DescribeConnectionsCommand,
  DescribeLocationsCommand,
  DescribeVirtualGatewaysCommand,
  DescribeVirtualInterfacesCommand,
  DirectConnectClient,
} from "@aws-sdk/client-direct-connect";

const PATIENCE_MS = 60_000;
const PAUSE_MS = 200;

const brief = JSON.parse(readFileSync(0, "utf8"));
const [lender, owner, third] = [brief.lender, brief.owner, brief.third].map(
  ({ accessKeyId, secretAccessKey }) =>
    new DirectConnectClient({
      endpoint: brief.endpoint,
      region: brief.region,
      credentials: { accessKeyId, secretAccessKey },
      maxAttempts: 1,
    }),
);

// The SDK adds $metadata to each answer; it is not part of the API.
const send = async (client, command) => {
  const { $metadata, ...answer } = await client.send(command);
  return answer;
};

const refused = async (client, command) => {
  try {
    await client.send(command);
  } catch (error) {
    return { error: error.name, message: error.message };
  }
  throw new Error(`${command.constructor.name} should have been refused`);
};

const interfaces = async (client, virtualInterfaceId) =>
  (await send(client, new DescribeVirtualInterfacesCommand({ virtualInterfaceId })))
    .virtualInterfaces;

const connections = async (connectionId) =>
  (await send(lender, new DescribeConnectionsCommand({ connectionId }))).connections;

const until = async (look, member, state) => {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const [found] = await look();
    if (found?.[member] === state) return found;
    if (Date.now() > deadline) throw new Error(`${member} is ${found?.[member]}, not ${state}`);
    await pause(PAUSE_MS);
  }
};

const walk = async () => {
  const transcript = {};

  transcript.locations = (await send(lender, new DescribeLocationsCommand({}))).locations;
  transcript.order = await send(
    lender,
    new CreateConnectionCommand({
      location: brief.location,
      bandwidth: "1Gbps",
      connectionName: brief.connectionName,
    }),
  );
  const { connectionId } = transcript.order;
  transcript.connection = await until(
    () => connections(connectionId),
    "connectionState",
    "available",
  );

  transcript.allocate = await send(
    lender,
    new AllocatePrivateVirtualInterfaceCommand({
      connectionId,
      ownerAccount: brief.owner.accountId,
      newPrivateVirtualInterfaceAllocation: {
        virtualInterfaceName: brief.virtualInterfaceName,
        vlan: 101,
        asn: 65000,
        authKey: "tgyn26example",
        amazonAddress: "172.16.0.1/30",
        customerAddress: "172.16.0.2/30",
        tags: [{ key: "purpose", value: "walk" }],
      },
    }),
  );
  const { virtualInterfaceId } = transcript.allocate;
  transcript.seenByLender = await interfaces(lender, virtualInterfaceId);
  transcript.seenByOwner = await interfaces(owner, virtualInterfaceId);
  transcript.seenByThird = await interfaces(third, virtualInterfaceId);

  transcript.gateways = (
    await send(owner, new DescribeVirtualGatewaysCommand({}))
  ).virtualGateways;
  const { virtualGatewayId } = brief;
  const acceptance = () =>
    new ConfirmPrivateVirtualInterfaceCommand({ virtualInterfaceId, virtualGatewayId });
  transcript.thirdConfirm = await refused(third, acceptance());
  transcript.confirm = await send(owner, acceptance());
  transcript.settled = await until(
    () => interfaces(owner, virtualInterfaceId),
    "virtualInterfaceState",
    "available",
  );
  transcript.settledByLender = await interfaces(lender, virtualInterfaceId);

  transcript.connectionInUse = await refused(lender, new DeleteConnectionCommand({ connectionId }));
  transcript.delete = await send(owner, new DeleteVirtualInterfaceCommand({ virtualInterfaceId }));
  transcript.ended = await until(
    () => interfaces(owner, virtualInterfaceId),
    "virtualInterfaceState",
    "deleted",
  );
  transcript.connectionDelete = await send(lender, new DeleteConnectionCommand({ connectionId }));
  transcript.connectionEnded = await until(
    () => connections(connectionId),
    "connectionState",
    "deleted",
  );
  return transcript;
};

const [word, id] = process.argv.slice(2);
const told = word === "describe" ? await interfaces(owner, id) : await walk();
process.stdout.write(JSON.stringify(told));
