"""A small MQTT 3.1 / 3.1.1 / 5.0 client for tests: blocking, one socket, and nothing behind the test's back.

Nothing is acknowledged unless the test says so: either by `receive(..., ack=True)` (the default, as an ordinary client does)
or by sending each acknowledgement itself. Packets that come while another one is waited for are kept in order.
"""

import collections
import itertools
import select
import socket
import struct
import time

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE = range(1, 9)
SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH = range(9, 16)
NAMES = ("", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBSCRIBE", "SUBACK",
         "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH")

# identifier: (name, kind), kinds as in section 2.2.2.2 of the standard
PROPERTIES = {
    0x01: ("payload_format_indicator", "byte"), 0x02: ("message_expiry_interval", "u32"),
    0x03: ("content_type", "string"), 0x08: ("response_topic", "string"), 0x09: ("correlation_data", "binary"),
    0x0B: ("subscription_identifier", "varint"), 0x11: ("session_expiry_interval", "u32"),
    0x12: ("assigned_client_identifier", "string"), 0x13: ("server_keep_alive", "u16"),
    0x15: ("authentication_method", "string"), 0x16: ("authentication_data", "binary"),
    0x17: ("request_problem_information", "byte"), 0x18: ("will_delay_interval", "u32"),
    0x19: ("request_response_information", "byte"), 0x1A: ("response_information", "string"),
    0x1C: ("server_reference", "string"), 0x1F: ("reason_string", "string"), 0x21: ("receive_maximum", "u16"),
    0x22: ("topic_alias_maximum", "u16"), 0x23: ("topic_alias", "u16"), 0x24: ("maximum_qos", "byte"),
    0x25: ("retain_available", "byte"), 0x26: ("user_property", "pair"), 0x27: ("maximum_packet_size", "u32"),
    0x28: ("wildcard_subscription_available", "byte"), 0x29: ("subscription_identifier_available", "byte"),
    0x2A: ("shared_subscription_available", "byte"),
}
IDENTIFIERS = {name: (identifier, kind) for identifier, (name, kind) in PROPERTIES.items()}
REPEATED = ("user_property", "subscription_identifier")


class ConnectionLost(Exception):
    """The server closed the connection, or it broke."""


class Timeout(AssertionError):
    """Nothing, or not what was asked for, came in time."""


class Packet:
    """One packet from the server. Which attributes it has depends on its type; `properties` maps names to values, those
    that may repeat to lists."""

    def __init__(self, type_, flags):
        self.type, self.flags = type_, flags
        self.properties = {}
        self.packet_id = self.reason = self.topic = self.payload = None
        self.reasons = []
        self.session_present = False

    @property
    def qos(self):
        return self.flags >> 1 & 3

    @property
    def retain(self):
        return bool(self.flags & 1)

    @property
    def dup(self):
        return bool(self.flags & 8)

    @property
    def user_properties(self):
        return dict(self.properties.get("user_property", []))

    def __repr__(self):
        fields = {k: v for k, v in vars(self).items() if v not in (None, [], {}, False) and k not in ("type",)}
        return f"{NAMES[self.type]}({fields})"


# --- bytes ---------------------------------------------------------------------------------------------------------------

def varint(value):
    out = bytearray()
    while True:
        digit, value = value & 0x7F, value >> 7
        out.append(digit | 0x80 if value else digit)
        if not value:
            return bytes(out)


def string(text):
    raw = text if isinstance(text, bytes) else text.encode()
    return struct.pack("!H", len(raw)) + raw


def encode_properties(properties):
    out = bytearray()
    for name, given in (properties or {}).items():
        identifier, kind = IDENTIFIERS[name]
        for value in given if name in REPEATED else [given]:
            out += varint(identifier)
            if kind == "byte":
                out.append(value)
            elif kind == "u16":
                out += struct.pack("!H", value)
            elif kind == "u32":
                out += struct.pack("!I", value)
            elif kind == "varint":
                out += varint(value)
            elif kind == "pair":
                out += string(value[0]) + string(value[1])
            else:
                out += string(value)
    return varint(len(out)) + bytes(out)


class Reader:
    def __init__(self, raw):
        self.raw, self.at = raw, 0

    def take(self, size):
        assert self.at + size <= len(self.raw), "the server sent a packet that is cut short"
        self.at += size
        return self.raw[self.at - size:self.at]

    def left(self):
        return len(self.raw) - self.at

    def byte(self):
        return self.take(1)[0]

    def u16(self):
        return struct.unpack("!H", self.take(2))[0]

    def u32(self):
        return struct.unpack("!I", self.take(4))[0]

    def varint(self):
        value = 0
        for shift in range(0, 28, 7):
            digit = self.byte()
            value |= (digit & 0x7F) << shift
            if digit < 0x80:
                return value
        raise AssertionError("the server sent a length of more than four bytes")

    def binary(self):
        return self.take(self.u16())

    def string(self):
        return self.binary().decode()

    def properties(self):
        properties, reader = {}, Reader(self.take(self.varint()))
        while reader.left():
            name, kind = PROPERTIES[reader.varint()]
            value = (reader.string(), reader.string()) if kind == "pair" else getattr(reader, kind)()
            if name in REPEATED:
                properties.setdefault(name, []).append(value)
            else:
                assert name not in properties, f"the server sent {name} twice"
                properties[name] = value
        return properties


def decode(first, body, version):
    packet, reader = Packet(first >> 4, first & 0x0F), Reader(body)
    v5 = version == 5
    if packet.type == CONNACK:
        packet.session_present, packet.reason = bool(reader.byte() & 1), reader.byte()
        if v5 and reader.left():
            packet.properties = reader.properties()
    elif packet.type == PUBLISH:
        packet.topic = reader.string()
        if packet.qos:
            packet.packet_id = reader.u16()
        if v5:
            packet.properties = reader.properties()
        packet.payload = reader.take(reader.left())
    elif packet.type in (PUBACK, PUBREC, PUBREL, PUBCOMP):
        packet.packet_id, packet.reason = reader.u16(), 0
        if reader.left():
            packet.reason = reader.byte()
        if reader.left():
            packet.properties = reader.properties()
    elif packet.type in (SUBACK, UNSUBACK):
        packet.packet_id = reader.u16()
        if v5:
            packet.properties = reader.properties()
        packet.reasons = list(reader.take(reader.left()))
    elif packet.type == DISCONNECT:
        packet.reason = reader.byte() if reader.left() else 0
        if reader.left():
            packet.properties = reader.properties()
    assert reader.left() == 0, f"{NAMES[packet.type]} has {reader.left()} bytes too many"
    return packet


def connect_bytes(client_id, version=4, clean=True, keep_alive=0, will=None, user=None, password=None, properties=None):
    """`will`: dict of topic, payload, qos, retain, properties."""
    flags = 0x02 if clean else 0
    body = (string("MQIsdp") if version == 3 else string("MQTT")) + bytes([version])
    tail = string(client_id)
    if will:
        flags |= 0x04 | will.get("qos", 0) << 3 | (0x20 if will.get("retain") else 0)
        if version == 5:
            tail += encode_properties(will.get("properties"))
        tail += string(will["topic"]) + string(will["payload"])
    if user is not None:
        flags |= 0x80
        tail += string(user)
    if password is not None:
        flags |= 0x40
        tail += string(password)
    body += bytes([flags]) + struct.pack("!H", keep_alive)
    if version == 5:
        body += encode_properties(properties)
    body += tail
    return b"\x10" + varint(len(body)) + body


def publish_bytes(topic, payload, qos=0, packet_id=None, retain=False, dup=False, version=4, properties=None):
    body = string(topic)
    if qos:
        body += struct.pack("!H", packet_id)
    if version == 5:
        body += encode_properties(properties)
    body += payload if isinstance(payload, bytes) else payload.encode()
    return bytes([PUBLISH << 4 | dup << 3 | qos << 1 | retain]) + varint(len(body)) + body


def ack_bytes(type_, packet_id):
    return bytes([type_ << 4 | (2 if type_ == PUBREL else 0), 2]) + struct.pack("!H", packet_id)


def take_packet(buffer, version):
    """The packet at the front of a bytearray, which is shortened by it; None while it is not all there."""
    length, at = 0, 1
    for shift in range(0, 28, 7):
        if len(buffer) <= at:
            return None
        digit = buffer[at]
        at += 1
        length |= (digit & 0x7F) << shift
        if digit < 0x80:
            break
    if len(buffer) < at + length:
        return None
    packet = decode(buffer[0], bytes(buffer[at:at + length]), version)
    del buffer[:at + length]
    return packet


# --- the client ----------------------------------------------------------------------------------------------------------

class Client:
    """`version` is 3 (3.1), 4 (3.1.1) or 5. Connects and expects a good CONNACK unless `expect_success` is false; the answer
    is in `connack`. Usable with `with`; leaving the block closes the socket without DISCONNECT if still open."""

    def __init__(self, port, client_id="", version=4, clean=True, keep_alive=0, will=None, user=None, password=None,
                 session_expiry=None, receive_maximum=None, properties=None, receive_buffer=None, timeout=30,
                 expect_success=True, host="127.0.0.1"):
        self.version, self.timeout, self.client_id = version, timeout, client_id
        self.inbox = collections.deque()
        self.buffer = bytearray()
        self.unreleased = set()  # QoS 2 packet ids between our PUBREC and the server's PUBREL
        self.packet_ids = itertools.cycle(range(1, 65536))
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        properties = dict(properties or {})
        if session_expiry is not None:
            properties["session_expiry_interval"] = session_expiry
        if receive_maximum is not None:
            properties["receive_maximum"] = receive_maximum
        try:
            self.socket.connect((host, port))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.send(connect_bytes(client_id, version, clean, keep_alive, will, user, password, properties))
            self.connack = self.expect(CONNACK)
            if expect_success:
                assert self.connack.reason == 0, f"CONNECT was refused: {self.connack}"
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def session_present(self):
        return self.connack.session_present

    # sending

    def send(self, raw):
        try:
            self.socket.sendall(raw)
        except OSError as error:
            raise ConnectionLost(str(error)) from error

    def send_publish(self, topic, payload, qos=0, packet_id=None, retain=False, dup=False, properties=None):
        """Sends and does not wait. Returns the packet id (None for QoS 0)."""
        if qos and packet_id is None:
            packet_id = next(self.packet_ids)
        self.send(publish_bytes(topic, payload, qos, packet_id, retain, dup, self.version, properties))
        return packet_id

    def send_ack(self, type_, packet_id):
        self.send(ack_bytes(type_, packet_id))

    def publish(self, topic, payload, qos=0, retain=False, properties=None):
        """Publishes and completes the handshake of the QoS. Returns the PUBACK or PUBREC (None for QoS 0)."""
        packet_id = self.send_publish(topic, payload, qos, retain=retain, properties=properties)
        if qos == 0:
            return None
        answer = self.expect(PUBACK if qos == 1 else PUBREC, packet_id)
        if qos == 2 and answer.reason < 0x80:
            self.send_ack(PUBREL, packet_id)
            self.expect(PUBCOMP, packet_id)
        return answer

    def subscribe(self, *filters, qos=1, options=0, properties=None):
        """Each filter may be a text or (text, qos). Returns the SUBACK's reasons."""
        packet_id = next(self.packet_ids)
        body = struct.pack("!H", packet_id)
        if self.version == 5:
            body += encode_properties(properties)
        for entry in filters:
            name, wanted = entry if isinstance(entry, tuple) else (entry, qos)
            body += string(name) + bytes([wanted | options])
        self.send(bytes([SUBSCRIBE << 4 | 2]) + varint(len(body)) + body)
        return self.expect(SUBACK, packet_id).reasons

    def unsubscribe(self, *filters):
        packet_id = next(self.packet_ids)
        body = struct.pack("!H", packet_id) + (b"\0" if self.version == 5 else b"")
        body += b"".join(string(name) for name in filters)
        self.send(bytes([UNSUBSCRIBE << 4 | 2]) + varint(len(body)) + body)
        return self.expect(UNSUBACK, packet_id)

    def ping(self):
        """Returns once the server has answered: what was sent before has then been read."""
        self.send(b"\xc0\0")
        self.expect(PINGRESP)

    def disconnect(self):
        """DISCONNECT, and the socket closed when the server has: one closed over unread bytes is reset, and what was sent
        last may be lost with it."""
        self.send(b"\xe0\0")
        try:
            self.socket.shutdown(socket.SHUT_WR)
            self.socket.settimeout(self.timeout)
            while self.socket.recv(65536):
                pass
        except OSError:
            pass
        self.close()

    def close(self):
        self.socket.close()

    def abort(self):
        """Ends the connection with a TCP reset, as a crash would."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    # receiving

    def read(self, timeout=None):
        """The next packet off the wire, behind those that `expect` put aside. Raises Timeout, ConnectionLost."""
        if self.inbox:
            return self.inbox.popleft()
        return self._read_wire(time.monotonic() + (self.timeout if timeout is None else timeout))

    def _read_wire(self, deadline):
        while True:
            packet = take_packet(self.buffer, self.version)
            if packet:
                return packet
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                raise Timeout(f"{self.client_id}: nothing came in time")
            try:
                chunk = self.socket.recv(1 << 18)
            except OSError as error:
                raise ConnectionLost(str(error)) from error
            if not chunk:
                raise ConnectionLost("the server closed the connection")
            self.buffer += chunk

    def expect(self, type_, packet_id=None, timeout=None):
        """The next packet of this type (and id); others that come before it are kept for read()."""
        for packet in self.inbox:
            if packet.type == type_ and packet_id in (None, packet.packet_id):
                self.inbox.remove(packet)
                return packet
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            packet = self._read_wire(deadline)
            if packet.type == type_ and packet_id in (None, packet.packet_id):
                return packet
            if packet.type == DISCONNECT and type_ != DISCONNECT:
                raise ConnectionLost(f"the server sent {packet}")
            self.inbox.append(packet)

    def receive(self, count, timeout=None, ack=True):
        """`count` PUBLISH packets, in order, acknowledged unless `ack` is false. `timeout` is for each packet, not for all.
        A QoS 2 message that comes again before its PUBREL is not given twice."""
        messages = []
        while len(messages) < count:
            packet = self.read(timeout)
            if packet.type == PUBLISH:
                if not (packet.qos == 2 and packet.packet_id in self.unreleased):
                    messages.append(packet)
                if ack and packet.qos == 1:
                    self.send_ack(PUBACK, packet.packet_id)
                elif ack and packet.qos == 2:
                    self.unreleased.add(packet.packet_id)
                    self.send_ack(PUBREC, packet.packet_id)
            elif packet.type == PUBREL:
                self._complete(packet)
            elif packet.type == DISCONNECT:
                raise ConnectionLost(f"the server sent {packet}")
        return messages

    def settle(self):
        """Completes the QoS 2 handshakes that receive() has begun."""
        while self.unreleased:
            self._complete(self.expect(PUBREL))

    def _complete(self, pubrel):
        self.unreleased.discard(pubrel.packet_id)
        self.send_ack(PUBCOMP, pubrel.packet_id)

    def receive_until_quiet(self, quiet=1.0):
        """All that comes until nothing came for `quiet` seconds. For showing that nothing more comes."""
        messages = []
        try:
            while True:
                messages += self.receive(1, timeout=quiet)
        except Timeout:
            return messages

    def wait_closed(self, timeout=None):
        """Reads until the server has closed the connection; returns what came before."""
        packets = []
        try:
            while True:
                packets.append(self.read(timeout))
        except ConnectionLost:
            return packets


def publish_many(port, messages, window=1000, client_id="many"):
    """Publishes an iterable of (topic, payload) at QoS 1 over one 3.1.1 connection, `window` in flight, and returns how many
    were acknowledged: all of them. Much faster than Client.publish."""
    with Client(port, client_id) as client:
        sock, acknowledged, sent = client.socket, 0, 0
        messages = iter(messages)
        tail = b""
        while True:
            burst = bytearray()
            for topic, payload in itertools.islice(messages, window - (sent - acknowledged)):
                burst += publish_bytes(topic, payload, 1, sent % 65535 + 1)
                sent += 1
            if burst:
                sock.sendall(burst)
            if sent == acknowledged:
                client.disconnect()
                return acknowledged
            chunk = sock.recv(1 << 16)
            if not chunk:
                raise ConnectionLost(f"the server closed the connection after {acknowledged} acknowledgements")
            tail += chunk
            whole = len(tail) // 4
            for index in range(whole):
                expected = b"\x40\x02" + struct.pack("!H", acknowledged % 65535 + 1)
                assert tail[4 * index:4 * index + 4] == expected, "PUBACKs do not come in the order of the publishes"
                acknowledged += 1
            tail = tail[4 * whole:]
