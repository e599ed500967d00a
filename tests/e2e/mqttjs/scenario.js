// MQTT.js against a server, one protocol version a run:
//
//   node scenario.js <url> 3.1|3.1.1|5.0 [<file with the certificate authority>]
//
// The address may be mqtt://, mqtts://, ws:// or wss://. Prints which MQTT.js runs and a line for each step that went well.
// Exit status 0: all went well; 1: one did not; 77: there is no MQTT.js.
'use strict';

const assert = require('assert');
const fs = require('fs');

let mqtt, version_of_library;
try {
  mqtt = require('mqtt');
  version_of_library = require('mqtt/package.json').version;
} catch (error) {
  console.log(`MQTT.js is not installed: ${error.message.split('\n')[0]}`);
  process.exit(77);
}

const patience_ms = 30000;
const [url, version, authority] = process.argv.slice(2);
const protocol = {'3.1': 3, '3.1.1': 4, '5.0': 5}[version];
assert(url && protocol, 'usage: node scenario.js <url> 3.1|3.1.1|5.0 [<certificate authority>]');
const is_5 = protocol === 5;
const added_by_server = ['log', 'partition', 'offset', 'ts', 'key'];

function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing came`)), patience_ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

class Client {
  // Resolves once connected; `session`: 'clean' or 'kept'.
  static async connect(name, session, options = {}) {
    const client = new Client();
    client.arrived = [];
    client.waiting = [];
    client.mqtt = mqtt.connect(url, {
      clientId: name + protocol,
      protocolVersion: protocol,
      protocolId: protocol === 3 ? 'MQIsdp' : 'MQTT',
      clean: session === 'clean',
      properties: is_5 && session === 'kept' ? {sessionExpiryInterval: 3600} : undefined,
      reconnectPeriod: 0,
      ca: authority ? fs.readFileSync(authority) : undefined,
      ...options,
    });
    client.mqtt.on('message', (topic, payload, packet) => {
      const waiter = client.waiting.shift();
      if (waiter) waiter({topic, payload, packet});
      else client.arrived.push({topic, payload, packet});
    });
    const connack = new Promise((resolve, reject) => {
      client.mqtt.once('connect', resolve);
      client.mqtt.once('error', reject);
    });
    client.session_present = (await within(connack, `connect of ${name}`)).sessionPresent;
    return client;
  }
  subscribe(filter, options) {
    return within(new Promise((resolve, reject) => {
      this.mqtt.subscribe(filter, options, (error, granted) => error ? reject(error) : resolve(granted));
    }), `subscribe to ${filter}`);
  }
  publish(topic, payload, options) {
    return within(new Promise((resolve, reject) => {
      this.mqtt.publish(topic, payload, options, error => error ? reject(error) : resolve());
    }), `publish to ${topic}`);
  }
  receive() {
    if (this.arrived.length > 0) return Promise.resolve(this.arrived.shift());
    return within(new Promise(resolve => this.waiting.push(resolve)), 'receive');
  }
  async expect(topic, payload, qos, retain) {
    const message = await this.receive();
    assert.deepStrictEqual([message.topic, message.payload.toString(), message.packet.qos, message.packet.retain],
                           [topic, payload, qos, retain]);
    return message.packet;
  }
  end(force = false) { return within(new Promise(resolve => this.mqtt.end(force, {}, resolve)), 'end'); }
}

const steps = {
  async 'messages of each QoS arrive in order'() {
    const reader = await Client.connect('reader', 'clean'), writer = await Client.connect('writer', 'clean');
    for (const qos of [0, 1, 2]) {
      const topic = `order${protocol}/${qos}`;
      await reader.subscribe(topic, {qos});
      await Promise.all(Array.from({length: 500}, (_, i) => writer.publish(topic, String(i), {qos})));
      for (let i = 0; i < 500; ++i) await reader.expect(topic, String(i), qos, false);
    }
    await Promise.all([reader.end(), writer.end()]);
  },

  async 'a large payload arrives whole'() {
    const both = await Client.connect('large', 'clean');
    const payload = Buffer.alloc(300000, Buffer.from(Array.from({length: 251}, (_, i) => i)));
    await both.subscribe(`large${protocol}`, {qos: 1});
    await both.publish(`large${protocol}`, payload, {qos: 1});
    assert((await both.receive()).payload.equals(payload), 'the payload came back changed');
    await both.end();
  },

  async 'a retained message waits for who subscribes later until it is removed'() {
    const topic = `state${protocol}`, writer = await Client.connect('retainer', 'clean');
    await writer.publish(topic, 'old', {qos: 1, retain: true});
    await writer.publish(topic, 'new', {qos: 1, retain: true});
    const reader = await Client.connect('later', 'clean');
    await reader.subscribe(topic, {qos: 1});
    await reader.expect(topic, 'new', 1, true);
    await writer.publish(topic, '', {qos: 1, retain: true});
    await reader.expect(topic, '', 1, false);
    const last = await Client.connect('last', 'clean');
    await last.subscribe(topic, {qos: 1});
    await writer.publish(topic, 'end', {qos: 1});
    await last.expect(topic, 'end', 1, false);
    await Promise.all([reader, writer, last].map(client => client.end()));
  },

  async 'a kept session gets what it missed'() {
    const topic = `kept${protocol}`, first = await Client.connect('keeper', 'kept');
    await first.subscribe(topic, {qos: 2});
    await first.end();
    const writer = await Client.connect('writer', 'clean');
    for (let i = 0; i < 20; ++i) await writer.publish(topic, String(i), {qos: i < 10 ? 1 : 2});
    await writer.end();
    const second = await Client.connect('keeper', 'kept');
    if (protocol > 3) assert.strictEqual(second.session_present, true);
    for (let i = 0; i < 20; ++i) await second.expect(topic, String(i), i < 10 ? 1 : 2, false);
    await second.end();
    await (await Client.connect('keeper', 'clean')).end();
  },

  async 'a will is published when the connection breaks'() {
    const topic = `will${protocol}`, heir = await Client.connect('heir', 'clean');
    await heir.subscribe(topic, {qos: 1});
    const properties = is_5 ? {contentType: 'text/plain'} : undefined;
    const dying = await Client.connect('dying', 'clean', {will: {topic, payload: 'gone', qos: 1, retain: false, properties}});
    dying.mqtt.stream.destroy();
    const packet = await heir.expect(topic, 'gone', 1, false);
    if (is_5) assert.strictEqual(packet.properties.contentType, 'text/plain');
    await heir.end();
  },

  async 'requests are answered and properties kept'() {
    if (!is_5) return;
    const asking = await Client.connect('asking', 'clean'), answering = await Client.connect('answering', 'clean');
    await asking.subscribe('answer', {qos: 1});
    await answering.subscribe('ask', {qos: 1, properties: {subscriptionIdentifier: 77}});
    await asking.publish('ask', 'how warm?', {qos: 1, properties: {
      responseTopic: 'answer', correlationData: Buffer.from([0, 1, 255]), payloadFormatIndicator: true,
      contentType: 'text/plain', messageExpiryInterval: 100, userProperties: {unit: ['C', 'F'], site: 'north'}}});
    const question = (await answering.expect('ask', 'how warm?', 1, false)).properties;
    const user = Object.fromEntries(Object.entries(question.userProperties).filter(([name]) => !added_by_server.includes(name)));
    assert.deepStrictEqual(user, {unit: ['C', 'F'], site: 'north'});
    assert.strictEqual(question.contentType, 'text/plain');
    assert.strictEqual(question.payloadFormatIndicator, true);
    assert.strictEqual(question.subscriptionIdentifier, 77);
    assert(question.messageExpiryInterval <= 100 && question.messageExpiryInterval > 0);
    await answering.publish(question.responseTopic, '21.5', {qos: 1, properties: {correlationData: question.correlationData}});
    const answer = await asking.expect('answer', '21.5', 1, false);
    assert.deepStrictEqual([...answer.properties.correlationData], [0, 1, 255]);
    await Promise.all([asking.end(), answering.end()]);
  },

  async 'a topic alias stands for its topic in both directions'() {
    if (!is_5) return;
    const properties = {topicAliasMaximum: 5}, topic = 'a/rather/long/topic/name';
    const both = await Client.connect('alias', 'clean', {properties, autoAssignTopicAlias: true});
    await both.subscribe(topic, {qos: 1});
    for (let i = 0; i < 10; ++i) await both.publish(topic, String(i), {qos: 1});
    for (let i = 0; i < 10; ++i) assert.strictEqual((await both.receive()).payload.toString(), String(i));
    await both.end();
  },
};

(async () => {
  console.log(`MQTT.js ${version_of_library}, node ${process.version}, MQTT ${version}, ${url}`);
  for (const [name, step] of Object.entries(steps)) {
    try {
      await step();
    } catch (error) {
      console.log(`failed: ${name}: ${error.stack || error}`);
      process.exit(1);
    }
    console.log(`ok: ${name}`);
  }
  process.exit(0);
})();
