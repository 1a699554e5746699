// One record as it stands in Kafka, and the way from it to the records it came from.
import { time, Place } from "/parts/shared.js";

export default {
  components: { Place },
  props: { record: Object },
  emits: ["open", "closed"],
  data: () => ({ path: [] }),
  watch: {
    record(record) {
      const box = this.$refs.box;
      if (!record) { box.close(); return; }
      const last = this.path[this.path.length - 1];
      if (!last || last.topic !== record.topic || last.partition !== record.partition || last.offset !== record.offset) {
        this.path.push({ topic: record.topic, partition: record.partition, offset: record.offset });
      }
      if (!box.open) box.showModal();
    },
  },
  methods: {
    time,
    back() { this.path.pop(); this.$emit("open", this.path[this.path.length - 1]); },
    closed() { this.path = []; this.$emit("closed"); },
  },
  template: `<dialog ref="box" class="record" @close="closed" @click.self="$refs.box.close()" aria-label="Record">
    <div v-if="record" class="record-inside">
      <div class="record-head"><h2>{{ record.topic }} <span class="quiet">partition</span> {{ record.partition }} <span class="quiet">offset</span> {{ record.offset }}</h2>
        <button v-if="path.length > 1" type="button" class="act" @click="back">← back</button>
        <button type="button" class="act" @click="$refs.box.close()">close</button></div>
      <p v-if="record.problem" class="problem">{{ record.problem }}</p>
      <p v-else-if="record.waiting" class="quiet">asking Kafka…</p>
      <template v-else>
        <p class="quiet">appended {{ time(record.at_s) }} · key <code>{{ record.key }}</code> · {{ record.bytes }} bytes, {{ record.kind }}
          <span v-for="header in record.headers" class="tag">{{ header }}</span></p>
        <pre tabindex="0">{{ record.text }}</pre>
        <div v-if="record.places.length" class="places"><span class="quiet">came from</span>
          <Place v-for="(place, i) in record.places" :key="i" :place="place" :label="place.capability ? place.capability + ' ' : ''" @open="$emit('open', $event)" /></div>
      </template>
    </div>
  </dialog>`,
};
