import com.alibaba.fastjson2.JSONReader;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.state.BuiltInDslStoreSuppliers;
import org.apache.kafka.streams.state.WindowStore;

/**
 * Kafka Streams, and the plain Java consumer.
 *
 * One thread, since it has one core; at least once, with changelogs, record cache and all other settings as shipped;
 * JSON read field by field, state written as 48 bytes, since generic mappers would cost it more. Final results by
 * `suppress(untilWindowCloses)`. `--style memory` and `rocksdb` choose the store by `dsl.store.suppliers.class`;
 * `tuned` is memory with a faster JSON reader, a larger cache and larger batches; `linger0` is for latency.
 * https://kafka.apache.org/43/streams/developer-guide/dsl-api/,
 * https://kafka.apache.org/43/streams/developer-guide/config-streams/ and
 * https://kafka.apache.org/43/streams/developer-guide/memory-mgmt/
 */
public final class KafkaStreamsPeer {
  private static final Duration SIZE = Duration.ofMinutes(1);
  private static final Duration GRACE = Duration.ofSeconds(1);
  private static final JsonFactory JACKSON = new JsonFactory();

  /** A record of the input. */
  static final class Sample {
    String id;
    long ts;
    double value;

    static Sample byJackson(byte[] bytes) {
      try (JsonParser json = JACKSON.createParser(bytes)) {
        Sample sample = new Sample();
        json.nextToken();
        while (json.nextToken() == JsonToken.FIELD_NAME) {
          String name = json.currentName();
          json.nextToken();
          switch (name) {
            case "id" -> sample.id = json.getText();
            case "ts" -> sample.ts = json.getLongValue();
            case "value" -> sample.value = json.getDoubleValue();
            default -> json.skipChildren();
          }
        }
        return sample;
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
    }

    static Sample byFastjson(byte[] bytes) {
      try (JSONReader json = JSONReader.of(bytes, 0, bytes.length, StandardCharsets.US_ASCII)) {
        Sample sample = new Sample();
        json.nextIfObjectStart();
        while (!json.nextIfObjectEnd()) {
          switch (json.readFieldName()) {
            case "id" -> sample.id = json.readString();
            case "ts" -> sample.ts = json.readInt64Value();
            case "value" -> sample.value = json.readDoubleValue();
            default -> json.skipValue();
          }
        }
        return sample;
      }
    }

    String doubled() {
      return "{\"id\":\"" + id + "\",\"ts\":" + ts + ",\"value\":" + value * 2 + "}";
    }
  }

  /** The figures of one window (mean and variance: B. P. Welford, 1962). */
  static final class Stats {
    long count;
    double sum;
    double min = Double.POSITIVE_INFINITY;
    double max = Double.NEGATIVE_INFINITY;
    double mean;
    double m2;

    Stats add(double value) {
      count++;
      sum += value;
      min = Math.min(min, value);
      max = Math.max(max, value);
      double delta = value - mean;
      mean += delta / count;
      m2 += delta * (value - mean);
      return this;
    }

    byte[] bytes() {
      ByteBuffer to = ByteBuffer.allocate(48);
      return to.putLong(count).putDouble(sum).putDouble(min).putDouble(max).putDouble(mean).putDouble(m2).array();
    }

    static Stats of(byte[] bytes) {
      ByteBuffer from = ByteBuffer.wrap(bytes);
      Stats stats = new Stats();
      stats.count = from.getLong();
      stats.sum = from.getDouble();
      stats.min = from.getDouble();
      stats.max = from.getDouble();
      stats.mean = from.getDouble();
      stats.m2 = from.getDouble();
      return stats;
    }

    String output(Windowed<String> key) {
      return "{\"id\":\"" + key.key() + "\",\"window\":" + key.window().start() + ",\"count\":" + count + ",\"sum\":" + sum
          + ",\"min\":" + min + ",\"max\":" + max + ",\"mean\":" + mean + ",\"var\":" + m2 / count + "}";
    }
  }

  /** Counts records, and prints a line before the first, when half are done, and after the last. */
  static final class Marks {
    final long wanted;
    final CountDownLatch complete = new CountDownLatch(1);
    long done;

    Marks(long wanted) {
      this.wanted = wanted;
    }

    void count() {
      if (done == 0) say("FIRST");
      done++;
      if (done == wanted / 2) say("HALF");
      if (done == wanted) {
        say("LAST");
        complete.countDown();
      }
    }

    void say(String word) {
      try {
        String status = Files.readString(Path.of("/proc/self/status"));
        double peak = Double.parseDouble(status.split("VmHWM:")[1].trim().split("\\s+")[0]) / 1024;
        var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        System.out.printf(Locale.ROOT, "%s {\"at_s\":%.6f,\"cpu_s\":%.3f,\"peak_rss_mb\":%.1f,\"records\":%d}%n", word,
            System.nanoTime() / 1e9, system.getProcessCpuTime() / 1e9, peak, done);
        System.out.flush();
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
    }
  }

  private static Map<String, String> asked(List<String> words) {
    Map<String, String> asked = new HashMap<>(Map.of("style", "memory"));
    for (int i = 0; i < words.size(); i += 2) asked.put(words.get(i).substring(2), words.get(i + 1));
    return asked;
  }

  private static Properties settings(String address, String job, Map<String, String> asked) {
    Properties settings = new Properties();
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, address);
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, asked.get("group"));
    settings.put(StreamsConfig.STATE_DIR_CONFIG, asked.get("folder"));
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    String style = asked.get("style");
    if (!style.equals("rocksdb")) {
      settings.put(StreamsConfig.DSL_STORE_SUPPLIERS_CLASS_CONFIG, BuiltInDslStoreSuppliers.InMemoryDslStoreSuppliers.class);
    }
    if (style.equals("tuned")) {
      settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64 << 20);
      settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 10_000);
      settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 5_000);
      settings.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 50);
      settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 128 << 10);
      settings.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
    }
    if (style.equals("linger0")) settings.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 0);
    if (asked.containsKey("session-ms")) {
      int session = Integer.parseInt(asked.get("session-ms"));
      settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG), session);
      settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG), session / 3);
    }
    return settings;
  }

  private static void windows(StreamsBuilder builder, String input, String output, Marks marks, boolean fast) {
    Serde<Sample> samples = Serdes.serdeFrom(
        (topic, sample) -> { throw new UnsupportedOperationException("samples are only read"); },
        (topic, bytes) -> fast ? Sample.byFastjson(bytes) : Sample.byJackson(bytes));
    Serde<Stats> stats = Serdes.serdeFrom(
        (topic, value) -> value == null ? null : value.bytes(), (topic, bytes) -> bytes == null ? null : Stats.of(bytes));
    builder.stream(input, Consumed.with(Serdes.String(), samples))
        .groupByKey()
        .windowedBy(TimeWindows.ofSizeAndGrace(SIZE, GRACE))
        .aggregate(Stats::new, (id, sample, window) -> {
          marks.count();
          return window.add(sample.value);
        }, Materialized.<String, Stats, WindowStore<Bytes, byte[]>>as("windows").withKeySerde(Serdes.String()).withValueSerde(stats))
        .suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded()))
        .toStream()
        .map((window, figures) -> KeyValue.pair(window.key(), figures.output(window)))
        .to(output, Produced.with(Serdes.String(), Serdes.String()));
  }

  private static void noop(String address, String input, Marks marks) {
    Properties settings = new Properties();
    settings.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, address);
    settings.put(ConsumerConfig.GROUP_ID_CONFIG, "noop");
    settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    settings.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 5_000);
    var bytes = new ByteArrayDeserializer();
    try (var consumer = new KafkaConsumer<byte[], byte[]>(settings, bytes, bytes)) {
      consumer.subscribe(List.of(input));
      while (marks.complete.getCount() > 0) consumer.poll(Duration.ofMillis(500)).forEach(record -> marks.count());
    }
  }

  public static void main(String[] words) throws InterruptedException {
    String job = words[0], address = words[1], input = words[2], output = words[3];
    Marks marks = new Marks(Long.parseLong(words[4]));
    Map<String, String> asked = asked(List.of(words).subList(5, words.length));
    if (job.equals("noop")) {
      noop(address, input, marks);
      return;
    }
    StreamsBuilder builder = new StreamsBuilder();
    if (job.equals("windows")) {
      windows(builder, input, output, marks, asked.get("style").equals("tuned"));
    } else {
      builder.stream(input, Consumed.with(Serdes.String(), Serdes.ByteArray()))
          .mapValues(bytes -> Sample.byJackson(bytes).doubled())
          .to(output, Produced.with(Serdes.String(), Serdes.String()));
    }
    KafkaStreams streams = new KafkaStreams(builder.build(), settings(address, job, asked));
    streams.start();
    marks.complete.await();
    streams.close();
  }
}
