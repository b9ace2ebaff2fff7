/** Writes WebAssembly modules, byte by byte: no text format, no tree in between. */
import { Bytes } from "./bytes.ts";
import { type Code, type Instructions, instructions, type Type, written } from "./instructions.ts";

export type { Code, Type } from "./instructions.ts";

const typeCodes: Readonly<Record<Type, number>> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };

/** A variable of a function. */
export interface Local<T extends Type = Type> {
  readonly index: number;
  readonly type: T;
}

/** Something that can be called: it is defined in the module, or imported. */
export interface Callable {
  readonly imported: boolean;
  readonly place: number;
  readonly result: Type | undefined;
}

/** Where a branch may go: to the beginning of a loop, to the end of a block. */
export interface Label {
  readonly level: number;
}

export interface MemoryLimits {
  readonly shared: boolean;
  /** In pages of 64 KiB; a shared memory needs both. */
  readonly least: number;
  readonly most: number;
}

type Locals<T extends readonly Type[]> = { [I in keyof T]: Local<T[I]> };

/** One function while it is written; instructions are methods by group: `f.f32x4.add(f.get(a), f.get(b))`. */
export interface FunctionBuilder extends Instructions {
  local<T extends Type>(type: T): Local<T>;
  get<T extends Type>(local: Local<T>): Code<T>;
  set<T extends Type>(local: Local<T>, x: Code<T>): void;
  tee<T extends Type>(local: Local<T>, x: Code<T>): Code<T>;
  /** A new local that holds `x`. */
  hold<T extends Type>(type: T, x: Code<T>): Local<T>;
  /** A number where it stands. */
  integer(x: number): Code<"i32">;
  long(x: number): Code<"i64">;
  float(x: number): Code<"f32">;
  double(x: number): Code<"f64">;
  /** Four or two times the same number in a local that is set once, at the function's beginning: engines make a constant anew at each use. */
  floats(x: number): Code<"v128">;
  doubles(x: number): Code<"v128">;
  integers(x: number): Code<"v128">;
  /** Four whole numbers, likewise. */
  lanes(x: readonly number[]): Code<"v128">;
  /** x * y + z, rounded once where the machine can. */
  multiplyAdd(x: Code<"v128">, y: Code<"v128">, z: Code<"v128">): Code<"v128">;
  /** z − x * y, likewise. */
  subtractProduct(x: Code<"v128">, y: Code<"v128">, z: Code<"v128">): Code<"v128">;
  /** Lanes of `yes` where a mask of whole lanes is set, else of `no`. */
  choose(yes: Code<"v128">, no: Code<"v128">, mask: Code<"v128">): Code<"v128">;
  /** address + bytes; nothing is written for 0. */
  plus(address: Code<"i32">, bytes: number): Code<"i32">;
  select<T extends Type>(yes: Code<T>, no: Code<T>, condition: Code<"i32">): Code<T>;
  call(callable: Callable, ...operands: Code<Type>[]): Code<any>;
  /** Sets so many bytes from an address on to `x`. */
  fill(address: Code<"i32">, x: Code<"i32">, bytes: Code<"i32">): void;
  drop(x: Code<Type>): void;
  block(body: (end: Label) => void): void;
  loop(body: (again: Label) => void): void;
  when(condition: Code<"i32">, yes: () => void, no?: () => void): void;
  branch(to: Label): void;
  branchIf(to: Label, condition: Code<"i32">): void;
  /** for (i = from; i < to; i += step) */
  count(i: Local<"i32">, from: Code<"i32">, to: Local<"i32"> | number, step: number, body: () => void): void;
  leave(): void;
}

interface Draft {
  readonly name: string | undefined;
  readonly type: number;
  readonly params: number;
  readonly locals: Type[];
  /** Sets the constants. */
  readonly head: Bytes;
  readonly body: Bytes;
  readonly constants: { readonly kind: string; readonly x: number; readonly local: Local<"v128"> }[];
  /** Where in `body` functions are called, and which. */
  readonly calls: { readonly at: number; readonly callable: Callable }[];
  level: number;
}

const number = new DataView(new ArrayBuffer(8));

export class ModuleBuilder {
  readonly #memory: MemoryLimits;
  readonly #relaxed: boolean;
  readonly #types: string[] = [];
  readonly #signatures: { readonly params: readonly Type[]; readonly result: Type | undefined }[] = [];
  readonly #imports: { readonly module: string; readonly name: string; readonly type: number; readonly callable: Callable }[] = [];
  readonly #drafts: Draft[] = [];
  readonly #builder: FunctionBuilder;
  #now: Draft | undefined;

  /** `relaxed`: whether products and sums may be rounded once together. */
  constructor(memory: MemoryLimits, relaxed: boolean) {
    this.#memory = memory;
    this.#relaxed = relaxed;
    this.#builder = this.#makeBuilder();
  }

  /** Whether products and sums may be rounded once together. */
  get relaxed(): boolean {
    return this.#relaxed;
  }

  /** A function from outside; asking for one again gives the same. */
  imported(module: string, name: string, params: readonly Type[], result?: Type): Callable {
    const known = this.#imports.find((i) => i.module === module && i.name === name);
    if (known) return known.callable;
    const callable = { imported: true, place: this.#imports.length, result };
    this.#imports.push({ module, name, type: this.#typeOf(params, result), callable });
    return callable;
  }

  /** Writes a function; with a name it is exported. Functions may be written while another is: they do not mix. */
  define<const P extends readonly Type[]>(
    name: string | undefined,
    params: P,
    result: Type | undefined,
    write: (f: FunctionBuilder, ...params: Locals<P>) => void,
  ): Callable {
    const draft: Draft = {
      name,
      type: this.#typeOf(params, result),
      params: params.length,
      locals: [],
      head: new Bytes(64),
      body: new Bytes(512),
      constants: [],
      calls: [],
      level: 0,
    };
    const callable = { imported: false, place: this.#drafts.push(draft) - 1, result };
    const outside = this.#now;
    this.#now = draft;
    write(this.#builder, ...(params.map((type, index) => ({ type, index })) as unknown as Locals<P>));
    this.#now = outside;
    return callable;
  }

  /** Whether a function calls one from outside, itself or through others. */
  leadsOut({ imported, place }: Callable): boolean {
    return imported || this.#drafts[place]!.calls.some(({ callable }) => this.leadsOut(callable));
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const out = new Bytes(4096);
    out.append([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    section(out, 1, this.#signatures, ({ params, result }) => {
      out.byte(0x60);
      out.unsigned(params.length);
      for (const type of params) out.byte(typeCodes[type]);
      out.unsigned(result ? 1 : 0);
      if (result) out.byte(typeCodes[result]);
    });
    const { shared, least, most } = this.#memory;
    section(out, 2, [undefined, ...this.#imports], (one) => {
      out.text(one?.module ?? "memory");
      out.text(one?.name ?? "memory");
      if (one) {
        out.byte(0);
        return out.unsigned(one.type);
      }
      out.append([2, shared ? 3 : 1]);
      out.unsigned(least);
      out.unsigned(most);
    });
    section(out, 3, this.#drafts, ({ type }) => out.unsigned(type));
    const exported = this.#drafts.flatMap(({ name }, i) => (name === undefined ? [] : [{ name, index: this.#imports.length + i }]));
    section(out, 7, exported, ({ name, index }) => {
      out.text(name);
      out.byte(0);
      out.unsigned(index);
    });
    section(out, 10, this.#drafts, (draft) => {
      for (const { at, callable } of draft.calls) draft.body.fill(at, callable.imported ? callable.place : this.#imports.length + callable.place);
      const locals = localsOf(draft.locals);
      out.unsigned(locals.length + draft.head.length + draft.body.length + 1);
      out.append(locals.view);
      out.append(draft.head.view);
      out.append(draft.body.view);
      out.byte(0x0b);
    });
    return out.view.slice();
  }

  #typeOf(params: readonly Type[], result: Type | undefined): number {
    const key = `${params.join()}:${result}`;
    const known = this.#types.indexOf(key);
    if (known >= 0) return known;
    this.#types.push(key);
    return this.#signatures.push({ params, result }) - 1;
  }

  #makeBuilder(): FunctionBuilder {
    const now = (): Draft => this.#now!;
    const relaxed = this.#relaxed;
    const code = (opcode: number): void => {
      const { body } = now();
      if (opcode < 0x100) return body.byte(opcode);
      body.byte(opcode >>> 20);
      body.unsigned(opcode & 0xfffff);
    };
    const groups = instructions({ op: code, byte: (x) => now().body.byte(x), unsigned: (x) => now().body.unsigned(x) });
    const local = <T extends Type>(type: T): Local<T> => ({ type, index: now().params + now().locals.push(type) - 1 });
    const at = (opcode: number, index: number): Code<any> => {
      const { body } = now();
      body.byte(opcode);
      body.unsigned(index);
      return written;
    };
    const nested = (opcode: number, body: (label: Label) => void): void => {
      const draft = now();
      draft.body.byte(opcode);
      draft.body.byte(0x40);
      body({ level: ++draft.level });
      draft.level--;
      draft.body.byte(0x0b);
    };
    /** A constant by kind and number. What distinguishes 0 from −0 must: a sign mask is −0. */
    const constant = (kind: string, x: number, lane: (i: number) => number): Code<"v128"> => {
      const { constants, head } = now();
      let known = constants.find((c) => c.kind === kind && Object.is(c.x, x));
      if (!known) {
        constants.push((known = { kind, x, local: local("v128") }));
        head.append([0xfd, 0x0c]);
        for (let i = 0; i < 4; i++) {
          number.setInt32(0, lane(i), true);
          for (let j = 0; j < 4; j++) head.byte(number.getUint8(j));
        }
        head.byte(0x21);
        head.unsigned(known.local.index);
      }
      return at(0x20, known.local.index);
    };
    const f: FunctionBuilder = {
      ...groups,
      local,
      get: (l) => at(0x20, l.index),
      set: (l) => void at(0x21, l.index),
      tee: (l) => at(0x22, l.index),
      hold: (type) => {
        const l = local(type);
        at(0x21, l.index);
        return l;
      },
      integer: (x) => {
        now().body.byte(0x41);
        now().body.signed(x);
        return written;
      },
      long: (x) => {
        now().body.byte(0x42);
        now().body.long(x);
        return written;
      },
      float: (x) => {
        number.setFloat32(0, x, true);
        now().body.byte(0x43);
        for (let i = 0; i < 4; i++) now().body.byte(number.getUint8(i));
        return written;
      },
      double: (x) => {
        number.setFloat64(0, x, true);
        now().body.byte(0x44);
        for (let i = 0; i < 8; i++) now().body.byte(number.getUint8(i));
        return written;
      },
      floats: (x) =>
        constant("floats", x, () => {
          number.setFloat32(0, x, true);
          return number.getInt32(0, true);
        }),
      doubles: (x) =>
        constant("doubles", x, (i) => {
          number.setFloat64(0, x, true);
          return number.getInt32(4 * (i & 1), true);
        }),
      integers: (x) => constant("integers", x, () => x),
      lanes: (x) => constant(x.join(), 0, (i) => x[i]!),
      multiplyAdd: (x, y, z) => {
        if (relaxed) return groups.f32x4.multiplyAdd(x, y, z);
        const last = f.hold("v128", z);
        return groups.f32x4.add(groups.f32x4.mul(x, y), f.get(last));
      },
      subtractProduct: (x, y, z) => {
        if (relaxed) return groups.f32x4.negatedMultiplyAdd(x, y, z);
        const last = f.hold("v128", z);
        const product = f.hold("v128", groups.f32x4.mul(x, y));
        return groups.f32x4.sub(f.get(last), f.get(product));
      },
      choose: (yes, no, mask) => (relaxed ? groups.v128.choose(yes, no, mask) : groups.v128.bitselect(yes, no, mask)),
      plus: (address, bytes) => (bytes === 0 ? address : groups.i32.add(address, f.integer(bytes))),
      select: (yes) => {
        // The plain form does not know vectors.
        code(0x1b);
        return yes;
      },
      call: (callable) => {
        const draft = now();
        draft.body.byte(0x10);
        draft.calls.push({ at: draft.body.room(), callable });
        return written;
      },
      fill: () => {
        code(0xfc0000b);
        now().body.byte(0);
      },
      drop: () => code(0x1a),
      block: (body) => nested(0x02, body),
      loop: (body) => nested(0x03, body),
      when: (_, yes, no) =>
        nested(0x04, () => {
          yes();
          if (!no) return;
          code(0x05);
          no();
        }),
      branch: ({ level }) => void at(0x0c, now().level - level),
      branchIf: ({ level }) => void at(0x0d, now().level - level),
      count: (i, _, to, step, body) => {
        const end = (): Code<"i32"> => (typeof to === "number" ? f.integer(to) : f.get(to));
        f.set(i, written);
        f.block((out) => {
          f.branchIf(out, groups.i32.ge(f.get(i), end()));
          f.loop((again) => {
            body();
            f.branchIf(again, groups.i32.lt(f.tee(i, groups.i32.add(f.get(i), f.integer(step))), end()));
          });
        });
      },
      leave: () => code(0x0f),
    };
    return f;
  }
}

function section<T>(out: Bytes, id: number, items: readonly T[], write: (item: T) => void): void {
  if (items.length === 0) return;
  out.byte(id);
  const size = out.room();
  out.unsigned(items.length);
  for (const item of items) write(item);
  out.fill(size, out.length - size - 5);
}

function localsOf(types: readonly Type[]): Bytes {
  const groups: { type: Type; count: number }[] = [];
  for (const type of types) {
    const last = groups[groups.length - 1];
    if (last?.type === type) last.count++;
    else groups.push({ type, count: 1 });
  }
  const out = new Bytes(16);
  out.unsigned(groups.length);
  for (const { type, count } of groups) {
    out.unsigned(count);
    out.byte(typeCodes[type]);
  }
  return out;
}
