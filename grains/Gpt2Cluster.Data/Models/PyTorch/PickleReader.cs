using System.Buffers.Binary;
using System.Text;

namespace Gpt2Cluster.Data.Models.PyTorch;

/// <summary>
/// Reads Python pickles (https://github.com/python/cpython/blob/main/Lib/pickletools.py) that hold tensors in
/// dictionaries, lists and tuples, and nothing else. It has no way to call anything: the few names that it knows make
/// values of its own, any other name or operation is refused and named. Memory stays within some tens of bytes for each
/// byte of the pickle.
/// </summary>
internal sealed class PickleReader
{
    private const int LongestLineBytes = 256;

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);
    private static readonly object Mark = new();

    private readonly byte[] bytes;
    private readonly Func<IReadOnlyList<object?>, object> load;
    private readonly List<object?> stack = [];
    private readonly Dictionary<long, object?> memo = [];
    private int position;

    private PickleReader(byte[] bytes, int position, Func<IReadOnlyList<object?>, object> load)
    {
        this.bytes = bytes;
        this.position = position;
        this.load = load;
    }

    /// <summary>Reads one pickle.</summary>
    /// <param name="bytes">What holds it.</param>
    /// <param name="position">Where it begins; afterwards the first byte behind it.</param>
    /// <param name="load">Gives what a persistent identity stands for.</param>
    /// <returns>A <see cref="PickledDictionary"/>, <see cref="PickledTensor"/>, list, array, text, number or null.
    /// </returns>
    /// <exception cref="InvalidDataException">It is wrong or holds something else; the message names it.</exception>
    public static object? Read(byte[] bytes, ref int position, Func<IReadOnlyList<object?>, object> load)
    {
        var reader = new PickleReader(bytes, position, load);
        try
        {
            while (reader.Step())
            {
            }
        }
        catch (DecoderFallbackException error)
        {
            throw new InvalidDataException("its pickle has a text that is no UTF-8", error);
        }

        position = reader.position;
        return reader.Pop();
    }

    /// <summary>Carries out one operation; false at the end.</summary>
    private bool Step()
    {
        var code = Byte();
        switch (code)
        {
            case (byte)'.':
                return false;
            case 0x80: // PROTO
                if (Byte() > 5)
                    throw new InvalidDataException("its pickle is of an unknown protocol");
                return true;
            case 0x95: // FRAME
                _ = Take(sizeof(ulong));
                return true;
            case (byte)'(':
                stack.Add(Mark);
                return true;
            case (byte)'0':
                _ = Pop();
                return true;
            case (byte)'c':
                stack.Add(Global(Line(), Line()));
                return true;
            case 0x93: // STACK_GLOBAL
                var name = Pop() as string;
                stack.Add(Global(Pop() as string ?? "?", name ?? "?"));
                return true;
            default:
                if (!Constant(code) && !Collection(code) && !Memory(code))
                    Build(code);
                return true;
        }
    }

    private bool Constant(byte code)
    {
        object? value;
        switch ((char)code)
        {
            case 'N':
                value = null;
                break;
            case '\u0088' or '\u0089': // NEWTRUE, NEWFALSE
                value = code == 0x88;
                break;
            case 'K':
                value = (long)Byte();
                break;
            case 'M':
                value = (long)BinaryPrimitives.ReadUInt16LittleEndian(Take(sizeof(ushort)));
                break;
            case 'J':
                value = (long)Int32();
                break;
            case '\u008a': // LONG1
                value = Long(Take(Byte()));
                break;
            case 'G':
                value = BinaryPrimitives.ReadDoubleBigEndian(Take(sizeof(double)));
                break;
            case 'X':
                value = StrictUtf8.GetString(Take(Int32()));
                break;
            case '\u008c' or 'U': // SHORT_BINUNICODE, SHORT_BINSTRING
                value = StrictUtf8.GetString(Take(Byte()));
                break;
            case 'T':
                value = StrictUtf8.GetString(Take(Int32()));
                break;
            default:
                return false;
        }

        stack.Add(value);
        return true;
    }

    private bool Collection(byte code)
    {
        switch ((char)code)
        {
            case '}':
                stack.Add(new PickledDictionary());
                break;
            case ']':
                stack.Add(new List<object?>());
                break;
            case ')':
                stack.Add(Array.Empty<object?>());
                break;
            case 't':
                stack.Add(PopToMark());
                break;
            case '\u0085' or '\u0086' or '\u0087': // TUPLE1, TUPLE2, TUPLE3
                stack.Add(PopMany(code - 0x84));
                break;
            case 'a':
                var one = Pop();
                Top<List<object?>>().Add(one);
                break;
            case 'e':
                var many = PopToMark();
                Top<List<object?>>().AddRange(many);
                break;
            case 's':
                SetItems(PopMany(2));
                break;
            case 'u':
                SetItems(PopToMark());
                break;
            default:
                return false;
        }

        return true;
    }

    private bool Memory(byte code)
    {
        switch ((char)code)
        {
            case 'q':
                memo[Byte()] = Top<object>();
                break;
            case 'r':
                memo[BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)))] = Top<object>();
                break;
            case '\u0094': // MEMOIZE
                memo[memo.Count] = Top<object>();
                break;
            case 'h':
                stack.Add(Remembered(Byte()));
                break;
            case 'j':
                stack.Add(Remembered(BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)))));
                break;
            default:
                return false;
        }

        return true;
    }

    private void Build(byte code)
    {
        switch ((char)code)
        {
            case 'R':
                var arguments = Pop() as object?[] ?? throw new InvalidDataException("a call has no arguments");
                var name = Pop() as PickledGlobal ?? throw new InvalidDataException("a call has no name");
                stack.Add(TensorGlobals.Make(name, arguments));
                break;
            case 'Q':
                stack.Add(load(Pop() as object?[] ?? throw new InvalidDataException("an identity is no tuple")));
                break;
            case 'b':
                // What else an ordered dictionary carries, as its _metadata: nothing of it is needed.
                _ = Pop();
                if (Top<object>() is not PickledDictionary)
                    throw new InvalidDataException("it gives a state to something that is no dictionary");
                break;
            default:
                var shown = code is > 0x20 and < 0x7f ? $" '{(char)code}'" : "";
                throw new InvalidDataException(
                    $"its pickle has the operation 0x{code:x2}{shown}, which no file of tensors needs");
        }
    }

    private static PickledGlobal Global(string module, string name)
    {
        var global = new PickledGlobal(module, name);
        return TensorGlobals.IsKnown(global)
            ? global
            : throw new InvalidDataException(
                $"its pickle refers to {global}, which no file of tensors needs and which is not run");
    }

    private void SetItems(object?[] items)
    {
        if (items.Length % 2 != 0)
            throw new InvalidDataException("a dictionary has a key without a value");
        var pairs = Top<PickledDictionary>().Pairs;
        for (var i = 0; i < items.Length; i += 2)
            pairs.Add(new(items[i], items[i + 1]));
    }

    private object? Remembered(long index) => memo.TryGetValue(index, out var value)
        ? value
        : throw new InvalidDataException("its pickle refers to something that it has not had");

    private T Top<T>()
        where T : notnull => stack.Count > 0 && stack[^1] is T top && !ReferenceEquals(top, Mark)
        ? top
        : throw new InvalidDataException("an operation of its pickle finds something else than it needs");

    private object? Pop()
    {
        if (stack.Count == 0 || ReferenceEquals(stack[^1], Mark))
            throw new InvalidDataException("its pickle takes more than it has");
        var value = stack[^1];
        stack.RemoveAt(stack.Count - 1);
        return value;
    }

    private object?[] PopMany(int count)
    {
        var values = new object?[count];
        for (var i = count - 1; i >= 0; i--)
            values[i] = Pop();
        return values;
    }

    private object?[] PopToMark()
    {
        var mark = stack.LastIndexOf(Mark);
        if (mark < 0)
            throw new InvalidDataException("its pickle takes more than it has");
        object?[] values = [.. stack.Skip(mark + 1)];
        stack.RemoveRange(mark, stack.Count - mark);
        return values;
    }

    private static long Long(ReadOnlySpan<byte> value)
    {
        if (value.Length > sizeof(long))
            throw new InvalidDataException("a number of its pickle is longer than 64 bits");
        var number = 0L;
        for (var i = value.Length - 1; i >= 0; i--)
            number = i == value.Length - 1 ? (sbyte)value[i] : (number << 8) | value[i];
        return number;
    }

    private int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Take(sizeof(int)));

    private byte Byte() => Take(1)[0];

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count < 0 || count > bytes.Length - position)
            throw new InvalidDataException("its pickle is cut short");
        position += count;
        return bytes.AsSpan(position - count, count);
    }

    private string Line()
    {
        var length = bytes.AsSpan(position, Math.Min(LongestLineBytes, bytes.Length - position)).IndexOf((byte)'\n');
        if (length < 0)
            throw new InvalidDataException("a name in its pickle is cut short or too long");
        var line = StrictUtf8.GetString(Take(length));
        position++;
        return line;
    }
}
